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
from drl.experiment.curves import checksum
from drl.experiment.run import Run, versions
from drl.experiment.task import Progress
from drl.log.table import CHECKSUM, NAME, STEP, read_rows
from drl.nn.ops import has_device
from drl.state import fitting

Start = Literal["start", "checkpoint"]
ASIDE = ("seconds",)  # what the clock says is not the training's
NEVER = 2**40  # steps, or seconds, between two checkpoints of the second training


class Verified(NamedTuple):
    """What was found.

    step              that was reached, in the run's unit
    same              every byte of the run's newest checkpoint but for times
    first_difference  logged step at which the parameters first differ: training ended there;
                      None: they are the same wherever progress.csv has their checksum
    where             the first part of the newest checkpoint that differs; "" where none was found
    versions          of what computes, where they are not those that the run was trained with:
                      name → then, now
    """

    step: int
    unit: str
    same: bool
    first_difference: int | None
    where: str
    versions: dict[str, tuple[str, str]]


class Compared(Callback):
    """Holds parameters against the checksums of another training, by logged step; ends this one
    where they first differ, and at the step `end`.

    left  whether the other one was interrupted in the evaluation that is due there: so is this one
    """

    def __init__(self, sums: Mapping[int, int], end: int, left: bool) -> None:
        self.sums, self.end, self.left = sums, end, left
        self.differs: int | None = None

    def on_step(self, experiment: Experiment, progress: Progress) -> bool:
        """False there."""
        expected = self.sums.get(progress.step)
        if expected is not None and checksum(experiment.task.net) != expected:
            self.differs = progress.step
        if progress.step >= self.end and self.left:
            experiment.interrupt.asked = True
        return self.differs is None and progress.step < self.end


def verify(
    directory: Path, console: Console, start: Start = "start", env: Any = None, data: Any = None,
    parts: Any = None, agent: Any = None,
) -> Verified:  # fmt: skip
    """Train the run again, to the step of its newest checkpoint, and compare.

    start  from its first step, or from the checkpoint before the newest
    env, data, parts, agent  of the user's own, where the run could not record them

    Nothing is written to the run.  UserError where it has no checkpoints for that, they are
    damaged, or it cannot be trained again here; KeyboardInterrupt where a signal ends it.
    """
    with Run.open(directory) as run, tempfile.TemporaryDirectory() as scratch:
        newest, begun = _ends(run, start)
        _require_same_device(run)
        end, expected = step_of(newest), run.load(newest)
        state = None if begun is None else run.load(begun)
        if state is not None and _is_left_out(state):
            raise UserError(
                f"the environment of {directory} could not tell its state, so that from a "
                "checkpoint its episodes begin anew: verify it from its start"
            )
        settings = run.config | {"log": "none", "checkpoint_every": NEVER}
        compared = Compared(_checksums(directory), end, _evaluation_is_left(expected))
        with Run.create(Path(scratch) / "again", settings) as again:
            while True:
                plan = plan_of(settings, console, env, data, parts, agent, state is None)
                experiment = experiment_of(plan, again, _Quiet(console), [compared])
                if state is not None:
                    experiment.load_state(state | {"callbacks": {}})
                    plan.task.reopen()
                summary = experiment.go(end)
                if summary["interrupted"]:
                    raise KeyboardInterrupt
                if not summary["checkpoint_saved"]:
                    raise UserError(f"{scratch} has no room for a checkpoint: set TMPDIR")
                state = again.load_latest()
                if compared.differs is not None or experiment.step >= end:
                    break  # else it was solved here, and then trained on
            where = ""
            if compared.differs is None:
                where = next(differences(expected["task"], state["task"]), "")
        same = compared.differs is None and not where
        found = _other_versions(run.document.get("versions"))
        return Verified(experiment.step, plan.task.unit, same, compared.differs, where, found)


def _ends(run: Run, start: Start) -> tuple[Path, Path | None]:
    """The newest checkpoint, and the one to begin at; None: the first step.   UserError where they
    are not there, or the settings were others then."""
    if start not in ("start", "checkpoint"):
        raise UserError(f"start={start!r} is not possible: give 'start' or 'checkpoint'")
    checkpoints = run.checkpoints
    if not checkpoints:
        raise UserError(f"{run.directory} has no checkpoint to compare with: train it first")
    if start == "checkpoint" and len(checkpoints) < 2:
        raise UserError(f"{run.directory} has but one checkpoint: verify it from its start")
    begun = checkpoints[-2] if start == "checkpoint" else None
    if (0 if begun is None else step_of(begun)) < run.changed_at:
        raise UserError(
            f"the settings of {run.directory} were changed at step {run.changed_at:,}: what came "
            "before cannot be trained again by those of now"
        )
    return checkpoints[-1], begun


def _require_same_device(run: Run) -> None:
    device = str(run.config.get("device"))
    with fitting("the device", str(run.directory / "config.json")):
        here = has_device(device)
    if not here:
        raise UserError(
            f"{run.directory} was trained on {device}, which is not here: another one rounds "
            "otherwise, so that it can be verified there alone"
        )


def _is_left_out(state: Mapping[str, Any]) -> bool:
    """Whether environments that are under way are not in the checkpoint."""
    with fitting("the checkpoint"):
        task = state["task"]
        return "env_steps" in task and task["env_steps"] > 0 and task["envs"] is None


def _evaluation_is_left(state: Mapping[str, Any]) -> bool:
    """Whether a checkpoint was taken when an evaluation was due, and had not been made."""
    with fitting("the checkpoint"):
        task = state["task"]
        return "evaluations" in task and bool(task["evaluations"]["next"] <= task["env_steps"])


class _Quiet(Console):
    """Progress and warnings, and nothing else."""

    def __init__(self, console: Console) -> None:
        super().__init__(console.quiet)
        self.warn = console.warn  # type: ignore[method-assign]

    def print(self, text: str) -> None: ...

    def table(self, title: str, rows: dict[str, str]) -> None: ...


def step_of(checkpoint: Path) -> int:
    """At which a checkpoint was taken."""
    return int(checkpoint.stem.rpartition("-")[2])


def _checksums(directory: Path) -> dict[int, int]:
    """Of the run's parameters, by step, where its progress.csv has them."""
    with fitting(f"{directory / NAME}", "what a run logs"):
        rows = read_rows(directory / NAME)
        return {int(row[STEP]): int(row[CHECKSUM]) for row in rows if row.get(CHECKSUM)}


def _other_versions(then: Any) -> dict[str, tuple[str, str]]:
    """name → what the run was trained with, what is here, where they differ."""
    then, now = then if isinstance(then, dict) else {}, versions()
    names = sorted(then.keys() & now.keys())
    return {name: (str(then[name]), now[name]) for name in names if then[name] != now[name]}


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
