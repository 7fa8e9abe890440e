"""Agents that learn from experience."""

from agents.build import Parts, build_dqn
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.evaluation import Evaluation, Policy, evaluate
from agents.exploration import EpsilonGreedy, Exploration, PersistentGreedy
from agents.heads import Head, Target
from agents.learning import Trained, train
from agents.networks import BuildNet, build_head, build_network
from agents.policy import GreedyPolicy, load_policy
from agents.presets import PRESETS, preset, rainbow
from agents.replay import Batch, Replay
from agents.setup import Worlds
from agents.targets import Bootstrap, Bounded, Munchausen, double, maximum
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
