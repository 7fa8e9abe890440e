"""`drl bench NAME`: our speed beside what a user would pick instead, in one run."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from drl.bench import Name
from drl.display.commands import command
from drl.errors import UserError
from drl.extras import require


@dataclass(frozen=True)
class Config:
    """Measure what a user waits for: beside the other tools, the bar, and the machine's floor."""

    name: tyro.conf.Positional[Name] = "step"
    """step: one DQN gradient step, with sampling and target update, beside torch autograd.
    sac: one SAC gradient step beside torch autograd.
    digits: an epoch of 60,000 images beside torch autograd and scikit-learn.
    conv: three convolutional nets beside torch autograd.
    prioritized: sampling by priority beside the step that it feeds.
    envs: a step of 16 of our environments beside Gymnasium's SyncVectorEnv.
    endtoend: updates per second of a training beside the bare step's.
    startup: from the command to its first answer.
    seeds: --seeds 8 beside eight runs in turn.
    log: what --log minimal and full cost a CartPole run.
    cartpole: from the command line to solved, and the last policy after 50,000 env steps.
    ablation: DQN, each part alone, and Rainbow, on CartPole, Acrobot and MinAtar Breakout."""
    all: bool = False
    """Each but ablation, about a quarter of an hour; writes the page of results."""
    report: Path = Path("benchmarks")
    """--all: directory of the page, RESULTS.md, with its figures and plot."""
    repeats: int | None = None
    """all but cartpole and ablation: interleaved repeats, of which the medians count; none: as
    many as take a minute or two."""
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
        if min(self.repeats or 1, self.seeds, self.jobs) < 1 or self.repeats == 0:
            raise UserError("--repeats, --seeds and --jobs must be at least 1")
        if self.first_seed < 0:
            raise UserError("--first-seed must be 0 or more")


def run(config: Config) -> dict[str, Any]:
    """Measure, print a table, and give the figures."""
    from drl.display.console import Console

    if config.all:
        from drl.bench import report

        return report.measure(config.report, config.json)
    if config.name == "ablation":
        from drl.bench import ablation

        return ablation.measure(
            config.seeds, config.first_seed, config.out, config.jobs, config.json
        )
    try:
        module = importlib.import_module(f"drl.bench.{config.name}")
        if config.name == "cartpole":
            result = module.measure(config.seeds, config.first_seed)
        else:
            result = module.measure(*([config.repeats] if config.repeats else []))
    except ModuleNotFoundError as error:
        if error.name == "torch":
            require(command("bench", config.name), "torch")
        raise
    Console(config.json).print(result.text())
    figures: dict[str, Any] = result.json()
    return figures
