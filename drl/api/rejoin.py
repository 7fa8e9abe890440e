"""A requeued job: a run goes on where it is, and is left where it is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drl.api.plan import Result
from drl.api.resume import go_on, plan_of
from drl.display.console import Console
from drl.experiment.callbacks import Callback
from drl.experiment.run import Run


def resume_or_start(
    directory: Path, console: Console, callbacks: Sequence[Callback] = (), **own: Any
) -> Result | None:
    """What a run that is there has come to, going on with it where it is not finished; None where
    there is none.   own: env, data, parts, agent."""
    if not (directory / "config.json").is_file():
        return None
    with Run.open(directory, write=True) as run:
        if not run.finished:
            return go_on(run, console, callbacks=callbacks, **own)
        console.print(f"{directory} is finished")
        plan = plan_of(run.config, console, **own)
        experiment_state = run.load_latest()
        plan.task.load_state(experiment_state["task"])
        plan.task.close()
        best = None if run.best is None else run.load(run.best)
        return Result(run.summary, plan.task, best, directory, plan.load)
