"""Agents that learn from experience."""

from agents.build import build_dqn
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.evaluation import Evaluation, evaluate
from agents.networks import build_head, build_network
from agents.presets import PRESETS, preset
from agents.replay import Replay
from agents.training import Training

__all__ = [
    "DQN",
    "PRESETS",
    "DQNConfig",
    "Evaluation",
    "Replay",
    "Training",
    "build_dqn",
    "build_head",
    "build_network",
    "evaluate",
    "preset",
]
