"""Settings of a DQN and of its training, given side by side."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from agents.config import ExperimentConfig
from agents.dqn.config import DQNConfig
from agents.row import Preset


def tuned(**settings: Any) -> Preset:
    """The agent's settings and those of its training, each to its own."""
    mine = {f.name for f in fields(DQNConfig)}
    config = {name: value for name, value in settings.items() if name in mine}
    rest = {name: value for name, value in settings.items() if name not in mine}
    return Preset(DQNConfig(**config), ExperimentConfig(**rest))
