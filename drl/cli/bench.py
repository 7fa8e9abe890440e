"""`drl bench NAME`: our speed beside what a user would pick instead, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Measure: the speed of a gradient step beside torch autograd, and CartPole over seeds."""

    name: tyro.conf.Positional[Literal["step", "cartpole"]] = "step"
    """step: one DQN gradient step, with sampling and target update, beside torch autograd.
    cartpole: from the command line to solved, and the last policy after 50,000 env steps."""
    repeats: int = 15
    """step: interleaved repeats; the medians count."""
    updates: int = 200
    """step: gradient steps in each repeat."""
    seeds: int = 20
    """cartpole: runs, each with its seed."""
    first_seed: int = 0
    """cartpole: the first of the seeds."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if min(self.repeats, self.updates, self.seeds) < 1:
            raise UserError("--repeats, --updates and --seeds must be at least 1")
        if self.first_seed < 0:
            raise UserError("--first-seed must be 0 or more")


def run(config: Config) -> dict[str, Any]:
    """Measure, print a table, and give the figures."""
    if config.name == "cartpole":
        from drl.cli import bench_cartpole

        return bench_cartpole.measure(config.seeds, config.first_seed, quiet=config.json)
    from drl.cli import bench_step

    return bench_step.measure(config.repeats, config.updates, quiet=config.json)
