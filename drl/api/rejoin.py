"""A requeued job: a run goes on where it is, and is left where it is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drl.api.plan import Plan, Result
from drl.api.resume import go_on, plan_of
from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.callbacks import Callback
from drl.experiment.run import Run
from drl.settings import difference

ASIDE = ("device", "init_from_crc32", "env_workers")  # it goes on with its own


def rejoin(
    directory: Path, plan: Plan, console: Console, callbacks: Sequence[Callback] = ()
) -> Result | None:
    """What a run that is there has come to, going on with it where it is not finished; None where
    there is none.

    plan  what is to be trained: closed where the run is there

    UserError where the run there is of other settings.
    """
    summary = finished(directory, plan, console)
    if summary is None:
        return unfinished(directory, plan, console, callbacks)
    with Run.open(directory) as run:
        again = plan_of(run.config, console, **plan.given)
        again.task.load_state(run.load_latest()["task"])
        again.task.close()
        best = None if run.best is None else run.load_best()
        return Result(summary, again.task, best, directory, again.load)


def unfinished(
    directory: Path, plan: Plan, console: Console, callbacks: Sequence[Callback] = ()
) -> Result | None:
    """Go on with a run that `finished` has looked at; None where there is none."""
    if not (directory / "config.json").is_file():
        return None
    with Run.open(directory, write=True) as run:
        return go_on(run, console, callbacks=callbacks, **plan.given)


def finished(directory: Path, plan: Plan, console: Console) -> dict[str, Any] | None:
    """The summary of a run that is finished, which is said; None where it is not, or there is none.

    UserError where the run there is of other settings than the plan, whose task is closed where
    there is one.
    """
    if not (directory / "config.json").is_file():
        return None
    plan.task.close()
    with Run.open(directory) as run:
        _require_same(run, plan.settings)
        if not run.finished:
            return None
        console.print(f"{directory} is finished")
        return run.summary


def _require_same(run: Run, settings: dict[str, Any]) -> None:
    """UserError unless these are the settings that the run was made with, or those that it has."""
    name = difference(settings, run.config, ASIDE)
    if name is None or difference(settings, run.first_settings, ASIDE) is None:
        return
    asked, there = settings.get(name), run.config.get(name)
    raise UserError(
        f"{run.directory} is a run with `{name}={there}`, asked for is `{name}={asked}`: give "
        "another `run`, or change what may change: " + command("resume", run.directory)
    )
