"""Agents that learn from experience."""

from agents.dqn.agent import DQN
from agents.dqn.build import Parts, build_dqn
from agents.dqn.config import DQNConfig
from agents.dqn.heads import Head, Target
from agents.dqn.networks import BuildNet, build_head, build_network
from agents.dqn.presets import PRESETS, preset, rainbow
from agents.dqn.targets import Bounded, Munchausen, TargetFunction, double_q_target, q_target
from agents.evaluation import Evaluation, Policy, evaluate
from agents.exploration import EpsilonGreedy, Exploration, EzGreedy
from agents.learning import Trained, train
from agents.memory.replay import Batch, ReplayBuffer
from agents.policy import GreedyPolicy, load_policy
from agents.training import Progress, Training
from drl.errors import Diverged, EnvFailed

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "DQN",
    "PRESETS",
    "Batch",
    "TargetFunction",
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
    "EzGreedy",
    "Policy",
    "Progress",
    "ReplayBuffer",
    "Target",
    "Trained",
    "Training",
    "build_dqn",
    "build_head",
    "build_network",
    "double_q_target",
    "evaluate",
    "load_policy",
    "q_target",
    "preset",
    "rainbow",
    "train",
]
