"""`drl bench NAME`: our speed beside what a user would pick instead, in one run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Measure: the speed of a gradient step beside torch autograd, and CartPole over seeds."""

    name: tyro.conf.Positional[Literal["step", "envs", "log", "cartpole", "ablation"]] = "step"
    """step: one DQN gradient step, with sampling and target update, beside torch autograd.
    envs: a step of 16 of our worlds beside Gymnasium's SyncVectorEnv.
    log: what --log minimal and full cost a CartPole run.
    cartpole: from the command line to solved, and the last policy after 50,000 env steps.
    ablation: DQN, each part alone, and Rainbow, on CartPole, Acrobot and MinAtar Breakout."""
    repeats: int = 15
    """step, envs, log: interleaved repeats; the medians count."""
    updates: int = 200
    """step: gradient steps in each repeat."""
    seeds: int = 20
    """cartpole, ablation: runs, each with its seed."""
    first_seed: int = 0
    """cartpole, ablation: the first of the seeds."""
    out: Path = Path("runs/ablation")
    """ablation: directory of runs, table and plot; what it holds already is not run again."""
    jobs: int = os.cpu_count() or 1
    """ablation: runs at a time."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if min(self.repeats, self.updates, self.seeds, self.jobs) < 1:
            raise UserError("--repeats, --updates, --seeds and --jobs must be at least 1")
        if self.first_seed < 0:
            raise UserError("--first-seed must be 0 or more")


def run(config: Config) -> dict[str, Any]:
    """Measure, print a table, and give the figures."""
    quiet = config.json
    match config.name:
        case "cartpole":
            from drl.cli import bench_cartpole

            return bench_cartpole.measure(config.seeds, config.first_seed, quiet)
        case "ablation":
            from drl.cli import bench_ablation

            return bench_ablation.measure(
                config.seeds, config.first_seed, config.out, config.jobs, quiet
            )
        case "envs":
            from drl.cli import bench_envs

            return bench_envs.measure(config.repeats, quiet)
        case "log":
            from drl.cli import bench_log

            return bench_log.measure(config.repeats, quiet)
        case "step":
            from drl.cli import bench_step

            return bench_step.measure(config.repeats, config.updates, quiet)
