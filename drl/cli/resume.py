"""`drl resume RUN`: go on exactly where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from drl.settings import require


@dataclass(frozen=True)
class Config:
    """Go on with a run exactly where its last checkpoint stopped.

    A directory of runs, as --seeds makes it: with all that are not finished, side by side.
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run, or of runs."""
    steps: int | None = None
    """Train to this many env steps in all, also where the run was solved before."""
    device: str | None = None
    """cpu, or cuda (torch), in place of the device that it was trained on; none: that one."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        require("steps", self.steps, self.steps is None or self.steps >= 1, "1 or more")


def run(config: Config) -> dict[str, Any]:
    """Load, train on, and give the summary."""
    from drl.api.resume import go_on
    from drl.api.sweep import resume_all, runs_in
    from drl.cli.console import CommandConsole
    from drl.experiment.run import Run

    console = CommandConsole(quiet=config.json)
    if runs_in(config.run):
        return resume_all(config.run, console, config.steps, config.device)
    with Run.open(config.run, write=True) as run:
        return go_on(run, console, config.steps, config.device).summary
