"""`drl resume RUN`: go on exactly where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from drl.settings import require
from drl.tables import TASKS


@dataclass(frozen=True)
class Config:
    """Go on with a run exactly where its last checkpoint stopped.

    A directory of runs, as --seeds makes it: with all that are not finished, side by side.
    Settings that may change in a run that goes on are given by name, behind RUN: --lr 1e-4; what
    cannot change says why.
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run, or of runs."""
    steps: int | None = None
    """Train to this many env steps in all, also where the run was solved before."""
    device: str | None = None
    """cpu, or cuda (torch), in place of the device that it was trained on; none: that one."""
    data: Path | None = None
    """Of a classifier that was trained on arrays from Python: a .npz file with them, x and y."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        require("steps", self.steps, self.steps is None or self.steps >= 1, "1 or more")


@dataclass(frozen=True)
class Resumed:
    """What is asked for, and the settings that are others from now on."""

    flags: Config
    changes: dict[str, Any]

    @property
    def json(self) -> bool:
        """Whether the result is wanted as JSON."""
        return self.flags.json


def parse(name: str, args: list[str]) -> Resumed:
    """Its own flags, then those of the run's settings: what differs from them is a change."""
    from drl.cli.parse import parse as parse_with
    from drl.cli.parse import split

    flags, rest = split(Config, name, args)
    return Resumed(flags, _changes(flags.run, name, rest, parse_with) if rest else {})


def _changes(directory: Path, name: str, words: list[str], parse_with: Any) -> dict[str, Any]:
    from agents import job, schedule_ends
    from agents.config import ExperimentConfig
    from drl.api.find import recorded_agent
    from drl.api.seeds import runs_in
    from drl.cli.console import CommandConsole
    from drl.cli.parse import named
    from drl.experiment.run import Run

    with Run.open(next(iter(runs_in(directory)), directory)) as run:
        settings, learns_by = run.config, run.job
    if learns_by in TASKS:
        parse_with(Config, name, [str(directory), *words])  # which says what is not known
    row = recorded_agent(learns_by, CommandConsole())
    agent, experiment = job.configs(row, settings)
    parts = {"experiment": (ExperimentConfig, experiment), "agent": (row.config, agent)}
    inline = tyro.conf.arg(name="")
    kind = make_dataclass(
        "Config",
        [(n, Annotated[k, inline], field(default=v)) for n, (k, v) in parts.items()],
        frozen=True,
    )
    given = parse_with(kind, name, words, kind())
    stated = named(words) & schedule_ends.NAMES  # also where they are as before
    return {
        f.name: getattr(getattr(given, part), f.name)
        for part, (config, before) in parts.items()
        for f in fields(config)
        if getattr(getattr(given, part), f.name) != getattr(before, f.name) or f.name in stated
    }


def run(config: Resumed) -> dict[str, Any]:
    """Load, train on, and give the summary."""
    from drl.api.resume import go_on
    from drl.api.seeds import resume_all, runs_in
    from drl.cli.console import CommandConsole
    from drl.experiment.run import Run

    flags, console = config.flags, CommandConsole(quiet=config.json)
    if runs_in(flags.run):
        return resume_all(flags.run, console, flags.steps, flags.device, config.changes)
    with Run.open(flags.run, write=True) as run:
        done = go_on(
            run, console, flags.steps, flags.device, data=flags.data, changes=config.changes
        )
        return done.summary
