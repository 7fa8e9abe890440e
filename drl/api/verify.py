"""Is a run what its settings say?  It is trained again, and every byte compared."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from drl.api.plan import experiment_of
from drl.api.resume import plan_of
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.run import Run
from drl.experiment.task import Progress
from drl.log.table import CHECKSUM, NAME, STEP, read_rows

Start = Literal["start", "checkpoint"]
ASIDE = ("seconds",)  # what the clock says is not the training's


class Verified(NamedTuple):
    """What was found."""

    step: int  # that was reached, in the run's unit
    unit: str
    same: bool
    first_difference: int | None  # logged step at which the parameters first differ
    where: str  # the first part of the checkpoint that differs; "" where none does


class StopAt(Callback):
    """Ends the second training where the first one's checkpoint is."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, experiment: Experiment, progress: Progress) -> bool:
        """False there."""
        return progress.step < self.step


def verify(
    directory: Path, console: Console, start: Start = "start", env: Any = None, data: Any = None,
    parts: Any = None, agent: Any = None,
) -> Verified:  # fmt: skip
    """Train the run again, to the step of its newest checkpoint, and compare.

    start  from its first step, or from the checkpoint before the newest
    env, data, parts, agent  of the user's own, where the run could not record them

    Nothing is written to the run.  UserError where it has no checkpoints for that, or cannot be
    trained again.
    """
    with Run.open(directory) as run, tempfile.TemporaryDirectory() as scratch:
        checkpoints = run.checkpoints
        if not checkpoints:
            raise UserError(f"{directory} has no checkpoint to compare with: train it first")
        if start == "checkpoint" and len(checkpoints) < 2:
            raise UserError(
                f"{directory} has but one checkpoint: verify it from its start (start='start')"
            )
        begun = 0 if start == "start" else step_of(checkpoints[-2])
        if begun < run.changed_at:
            raise UserError(
                f"the settings of {directory} were changed at step {run.changed_at:,}: what came "
                "before cannot be trained again by those of now"
            )
        expected = run.load(checkpoints[-1])
        plan = plan_of(run.config, console, env, data, parts, agent, start == "start")
        settings = plan.settings | {"log": _logged(run), "log_to": ["csv"]}
        with Run.create(Path(scratch) / "again", settings) as again:
            end = step_of(checkpoints[-1])
            stop = StopAt(end)
            experiment = experiment_of(plan, again, _Quiet(console), [stop])
            if start == "checkpoint":
                state = run.load(checkpoints[-2])
                experiment.load_state(state | {"callbacks": {}})
            goal = max(plan.goal, end)
            if experiment.step < end:
                experiment.go(goal)
            differs = first_step(directory / NAME, again.directory / NAME)
            found = again.load(again.checkpoints[-1])
        where = next(differences(expected["task"], found["task"]), "")
        return Verified(experiment.step, plan.task.unit, not where, differs, where)


class _Quiet(Console):
    """Progress, and nothing else."""

    def __init__(self, console: Console) -> None:
        super().__init__(console.quiet)

    def print(self, text: str) -> None: ...

    def table(self, title: str, rows: dict[str, str]) -> None: ...


def _logged(run: Run) -> str:
    """Minimal: the checksums need no more; what is logged changes no byte."""
    return "minimal" if run.config["log"] != "none" else "none"


def step_of(checkpoint: Path) -> int:
    """At which a checkpoint was taken."""
    return int(checkpoint.stem.rpartition("-")[2])


def first_step(one: Path, other: Path) -> int | None:
    """The first step that both files log at which the parameters are not the same."""
    sums = [
        {int(row[STEP]): row[CHECKSUM] for row in read_rows(path) if row.get(CHECKSUM)}
        for path in (one, other)
        if path.is_file()
    ]
    if len(sums) < 2:
        return None
    shared = sorted(sums[0].keys() & sums[1].keys())
    return next((step for step in shared if sums[0][step] != sums[1][step]), None)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths of what is not the same, to the bit, in two states."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            if name in ASIDE:
                continue
            below = f"{path}/{name}".lstrip("/")
            if name not in one or name not in other:
                yield below
            else:
                yield from differences(one[name], other[name], below)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        alike = one.shape == other.shape and one.dtype == other.dtype
        if not (alike and one.tobytes() == other.tobytes()):
            yield path
    elif type(one) is not type(other) or one != other:
        yield path
