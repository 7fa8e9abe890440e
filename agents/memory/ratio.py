"""How many gradient steps belong to how many env steps, where a memory is replayed."""

from __future__ import annotations

from typing import Protocol


class RatioConfig(Protocol):
    """The settings that it depends on, of whichever agent."""

    @property
    def learning_starts(self) -> int: ...
    @property
    def updates_per_step(self) -> float: ...


def updates_by(config: RatioConfig, env_steps: int) -> int:
    """Gradient steps that have been due after so many env steps."""
    return max(0, int((env_steps - config.learning_starts) * config.updates_per_step))
