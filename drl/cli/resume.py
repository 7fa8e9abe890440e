"""`drl resume RUN`: go on exactly where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Go on with a run exactly where its last checkpoint stopped."""

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    steps: int | None = None
    """DQN: train to this many env steps in all, also where the run was solved before."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise UserError(f"--steps {self.steps} is not possible: give 1 or more")


def run(config: Config) -> dict[str, Any]:
    """Load, train on, and give the summary."""
    from drl.runs import Run

    with Run.open(config.run, write=True) as run:
        if run.job == "digits":
            from drl.cli.train_digits import resume

            if config.steps is not None:
                raise UserError("--steps counts env steps of a DQN; a digits run has its epochs")
            return resume(run, quiet=config.json)
        return _resume_dqn(run, config)


def _resume_dqn(run: Any, config: Config) -> dict[str, Any]:
    from drl.cli import train_dqn
    from drl.cli.dqn_job import DQNJob

    job = DQNJob(train_dqn.Config.from_settings(run.config).settings())
    job.load_state(run.load_latest())
    done, steps = job.training.env_steps, config.steps or job.config.steps
    if (job.solved and config.steps is None) or done >= steps:
        raise UserError(
            f"{config.run} is finished ({'solved' if job.solved else 'all steps done'} after "
            f"{done:,} env steps): give --steps above that to train on"
        )
    job.solved = False
    return job.go(run, quiet=config.json, steps=steps, resumed=True)
