"""Agents that learn from experience."""

from agents.dqn.agent import DQN
from agents.dqn.build import Parts, build_dqn
from agents.dqn.config import DQNConfig
from agents.dqn.heads import Head, Target
from agents.dqn.networks import BuildNet, build_head, build_network
from agents.dqn.presets import PRESETS, preset, rainbow
from agents.dqn.targets import Bootstrap, Bounded, Munchausen, double, maximum
from agents.evaluation import Evaluation, Policy, evaluate
from agents.exploration import EpsilonGreedy, Exploration, PersistentGreedy
from agents.learning import Trained, train
from agents.memory.replay import Batch, Replay
from agents.policy import GreedyPolicy, load_policy
from agents.setup import Worlds
from agents.training import Progress, Training
from drl.errors import Diverged, EnvFailed

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "DQN",
    "PRESETS",
    "Batch",
    "Bootstrap",
    "Bounded",
    "BuildNet",
    "DQNConfig",
    "Diverged",
    "EnvFailed",
    "EpsilonGreedy",
    "Evaluation",
    "Exploration",
    "GreedyPolicy",
    "Head",
    "Munchausen",
    "Parts",
    "PersistentGreedy",
    "Policy",
    "Progress",
    "Replay",
    "Target",
    "Trained",
    "Training",
    "Worlds",
    "build_dqn",
    "build_head",
    "build_network",
    "double",
    "evaluate",
    "load_policy",
    "maximum",
    "preset",
    "rainbow",
    "train",
]
