"""Agents that learn from experience."""

from agents.build import build_dqn, build_network
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.evaluation import Evaluation, evaluate
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
    "build_network",
    "evaluate",
    "preset",
]
