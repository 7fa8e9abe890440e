"""What a user hangs into a training: classes with empty methods, and some that are ready.

Each method gets the experiment (its task, step, seconds, log, run) and what happened.  One that
returns False finishes the run there, with everything kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from drl.errors import UserError
from drl.experiment.interrupt import Interrupt
from drl.experiment.run import Run
from drl.experiment.task import Evaluated, Progress, Task, Update
from drl.log import Logger
from drl.settings import require
from drl.state import number, optional, whole

Said = bool | None  # False finishes the run


class Experiment(Protocol):
    """A training under way, as its callbacks see it (drl.experiment.experiment drives it).

    Whoever only looks changes nothing: same seed, same bytes, whatever callbacks there are.
    """

    settings: dict[str, Any]
    """Its settings as JSON."""
    seconds: float
    """Of training, over all sessions of the run."""
    resumed: bool
    """Whether it goes on from a checkpoint."""
    interrupt: Interrupt
    """`interrupt.at_once()` stands around what a signal may leave in the middle."""

    @property
    def task(self) -> Task:
        """What learns: an RLTask has `agent` and `envs`, a classifier `net` and `data`."""

    @property
    def run(self) -> Run | None:
        """Its directory; None: nothing is written."""

    @property
    def step(self) -> int:
        """Done so far, in the task's unit."""

    @property
    def log(self) -> Logger:
        """Where a callback writes curves of its own: experiment.log.scalar("mine/x", 1.0, step)."""

    def warn(self, text: str) -> None:
        """A line for people, and in the log."""


class Callback:
    """Override what is wanted.  What a callback remembers goes into `state`: it comes back on
    resume."""

    def on_start(self, experiment: Experiment) -> Said:
        """Before the first step of this process, after a resumed run has its state back."""

    def on_step(self, experiment: Experiment, progress: Progress) -> Said:
        """After each step of all environments; supervised: after some updates."""

    def on_update(self, experiment: Experiment, update: Update) -> Said:
        """After a step that came with gradient steps: the last of them."""

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> Said:
        """After an evaluation."""

    def on_checkpoint(self, experiment: Experiment) -> Said:
        """After a checkpoint was written: what it changes of `state` is in the next one."""

    def on_end(self, experiment: Experiment, summary: dict[str, Any]) -> Said:
        """After the last checkpoint and the summary, also of an interrupted run."""

    def state(self) -> dict[str, Any]:
        """What it remembers."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""


EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def finishes(said: object) -> bool:
    """Whether a callback's answer is False, numpy's too."""
    return isinstance(said, bool | np.bool_) and not said


def require_callbacks(callbacks: object) -> None:
    """UserError unless it is a list of callbacks."""
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise UserError(f"callbacks={callbacks!r:.60} is not possible: give a list of them")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise UserError(
                f"{callback!r:.60} is no callback: derive a class from drl.Callback, or use "
                "drl.Every(steps, function)"
            )


class StopAtReturn(Callback):
    """Finish once an evaluation's mean return (its score) reaches `score`."""

    def __init__(self, score: float) -> None:
        self.score = score

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> Said:
        """False where it is reached."""
        return not evaluated.score >= self.score  # NaN reaches nothing


class StopAfterTime(Callback):
    """Finish once training has taken so many seconds, over all sessions of the run."""

    def __init__(self, seconds: float) -> None:
        require("seconds", seconds, seconds > 0, "above 0")
        self.seconds = seconds

    def on_step(self, experiment: Experiment, progress: Progress) -> Said:
        """False where they are over."""
        return experiment.seconds < self.seconds


class StopWithoutProgress(Callback):
    """Finish after `patience` evaluations in a row that are not better than the best before them.

    by  how much better one has to be, in its score
    """

    def __init__(self, patience: int, by: float = 0.0) -> None:
        require("patience", patience, patience >= 1, "1 or more")
        self.patience, self.by = patience, by
        self.best: float | None = None
        self.waited = 0  # evaluations

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> Said:
        """False where patience has ended."""
        if self.best is None or evaluated.score > self.best + self.by:
            self.best, self.waited = evaluated.score, 0
        else:
            self.waited += 1
        return self.waited < self.patience

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.waited = optional(number, state, "best"), whole(state, "waited")


class Every(Callback):
    """Call `function(experiment)` every `steps` steps; False from it finishes the run.

    It is called at the first pause at or after each multiple of `steps`.
    """

    def __init__(self, steps: int, function: Callable[[Experiment], Any]) -> None:
        require("steps", steps, steps >= 1, "1 or more")
        self.steps, self.function = steps, function
        self.next = steps

    def on_step(self, experiment: Experiment, progress: Progress) -> Said:
        """What the function says, where it is due."""
        if progress.step < self.next:
            return None
        self.next = (progress.step // self.steps + 1) * self.steps
        return not finishes(self.function(experiment))

    def state(self) -> dict[str, Any]:
        return {"next": self.next}

    def load_state(self, state: dict[str, Any]) -> None:
        self.next = whole(state, "next", 1)


class Display(Callback):
    """Shows how far training is, not more often than a person can read.

    show  takes the steps done and a few words
    """

    EVERY = 0.1  # seconds

    def __init__(self, show: Callable[[int, str], None]) -> None:
        self.show, self.last = show, -np.inf

    def on_step(self, experiment: Experiment, progress: Progress) -> Said:
        """Where the last one could have been read."""
        now = time.monotonic()
        if now - self.last >= self.EVERY:
            self.last = now
            self.show(progress.step, experiment.task.reporter.status())
        return None

    def on_end(self, experiment: Experiment, summary: dict[str, Any]) -> Said:
        """Where it has ended."""
        self.show(experiment.task.step, experiment.task.reporter.status())
        return None
