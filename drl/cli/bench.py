"""`drl bench NAME`: our speed beside what a user would pick instead, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Measure our speed beside torch autograd: same net, same batch, one thread, in one run."""

    name: tyro.conf.Positional[Literal["step"]] = "step"
    """step: one DQN gradient step, with replay sampling and target update."""
    repeats: int = 15
    """Interleaved repeats; the medians count."""
    updates: int = 200
    """Gradient steps in each repeat."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.updates < 1:
            raise UserError("--repeats and --updates must be at least 1")


def run(config: Config) -> dict[str, Any]:
    """Measure, print a table, and give the figures."""
    from drl.cli.bench_step import measure

    return measure(config.repeats, config.updates, quiet=config.json)
