"""`drl resume RUN`: go on exactly where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from drl.errors import UserError

if TYPE_CHECKING:
    from drl.display.console import Console
    from drl.experiment.run import Run


@dataclass(frozen=True)
class Config:
    """Go on with a run exactly where its last checkpoint stopped.

    A directory of runs, as --seeds makes it: with all that are not finished, side by side.
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run, or of runs."""
    steps: int | None = None
    """DQN: train to this many env steps in all, also where the run was solved before."""
    device: str | None = None
    """cpu, or cuda (torch), in place of the device that it was trained on; none: that one."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise UserError(f"--steps {self.steps} is not possible: give 1 or more")


def run(config: Config) -> dict[str, Any]:
    """Load, train on, and give the summary."""
    from drl.cli import seeds
    from drl.display.console import Console
    from drl.experiment.run import Run

    if seeds.runs_in(config.run):
        return seeds.resume(config.run, config.json, config.steps, config.device)
    with Run.open(config.run, write=True) as run:
        return go_on(run, Console(quiet=config.json), config.steps, config.device)


def go_on(
    run: Run, console: Console, steps: int | None = None, device: str | None = None
) -> dict[str, Any]:
    """From the last checkpoint, or from the start where the run was stopped before its first.

    steps   DQN: env steps in all, also where the run was solved before
    device  in place of the run's own

    UserError if it is finished, or its device is not here.
    """
    from drl.cli.elsewhere import require_device

    run.device = device
    require_device(run)
    if not run.has_checkpoint:
        run.begin_anew()
    if run.job == "digits":
        from drl.cli.train_digits import resume

        if steps is not None:
            raise UserError("--steps counts env steps of a DQN; a digits run has its epochs")
        return resume(run, console)
    return _go_on_dqn(run, console, steps)


def _go_on_dqn(run: Run, console: Console, steps: int | None) -> dict[str, Any]:
    from drl.cli import train_dqn
    from drl.cli.dqn_job import DQNJob
    from drl.cli.elsewhere import say_import

    config = train_dqn.Config.from_settings(run.config)
    say_import(config.env, console)
    job = DQNJob(config.settings())
    if not run.has_checkpoint:
        return job.go(run, console, steps)
    job.load_state(run.load_latest())
    done, total = job.training.env_steps, steps or run.asked_steps or job.config.steps
    enough = (job.checks.solved and steps is None) or done >= total
    if enough and run.finished:
        raise UserError(
            f"{run.directory} is finished "
            f"({'solved' if job.checks.solved else 'all steps done'} after {done:,} env steps): "
            "give --steps above that to train on"
        )
    if steps is not None and done >= steps + job.config.num_envs:
        raise UserError(
            f"{run.directory} is at {done:,} env steps already: give --steps above that, or leave "
            "it out to train to its end"
        )
    if enough:  # stopped between its last step and its result
        total = min(total, done)
    else:
        job.checks.solved = False
    return job.go(run, console, total, resumed=True)
