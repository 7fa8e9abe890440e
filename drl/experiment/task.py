"""What an experiment drives: something that learns step by step, and can be saved in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from drl.nn import Network

Metrics = Mapping[
    str, float | np.ndarray
]  # by TensorBoard name: numbers, and arrays' distributions
AtOnce = Callable[[], AbstractContextManager[None]]  # around what a signal may leave in the middle


class Update(NamedTuple):
    """One gradient step.

    Where several follow each other without a step of the environments, the last one's metrics are
    logged: an agent that learns in phases tells there of the whole phase.
    """

    number: int  # of it, from 1
    metrics: Callable[[], Metrics]  # what it saw; computed at once, where it is logged
    seen: Any = None  # the agent's own record of it, for callbacks that know the agent


class Progress(NamedTuple):
    """What has happened since the last pause."""

    step: int  # done in all, in the task's unit
    update: Update | None = None  # the last gradient step
    episodes: Sequence[tuple[float, int]] = ()  # return and length of those that ended
    whole: bool = True  # a checkpoint may be taken here


class Evaluated(NamedTuple):
    """What an evaluation has found."""

    metrics: Mapping[str, float]  # by TensorBoard name
    score: float  # the higher the better
    better: bool = False  # than all before: worth to be kept
    done: bool = False  # the goal is reached, training may end
    snapshot: bool = False  # weights and gradients are worth a histogram
    result: Any = None  # the task's own


class Reporter(Protocol):
    """What a task tells of itself.  It reads the task, and changes nothing."""

    @property
    def episodes(self) -> int:
        """Training episodes that have ended."""

    def about(self) -> list[str]:
        """What people are told before it begins, in one line each."""

    def metrics(self, progress: Progress, seconds: float, full: bool, since: int) -> Metrics:
        """A point of the curves.

        full   what costs more than a moment, too
        since  step of the point before it that told of an update
        """

    def final(self) -> Mapping[str, float]:
        """What runs are compared by in TensorBoard's HParams tab."""

    def status(self) -> str:
        """In a few words, beside the progress."""

    def where(self) -> str:
        """How far training has come, for messages."""

    def summary(self) -> dict[str, Any]:
        """The result, for summary.json."""

    def table(self, summary: Mapping[str, Any]) -> dict[str, str]:
        """The result, for people: name → value."""


class Task(Protocol):
    """Learning that an Experiment can drive.  It knows nothing of files, logs or signals."""

    job: str
    """Its name among settings: an agent's, digits."""
    title: str
    """What is learnt, for people."""
    unit: str
    """Of its steps: env steps, updates."""
    remedy: str
    """What to try where the numbers are no numbers any more."""
    step: int
    """Done so far."""
    net: Network
    """Whose weights and gradients are logged."""
    charts: Any
    """Which curves belong into one chart (drl.log.tensorboard.writer.Layout)."""

    @property
    def reporter(self) -> Reporter:
        """What it tells of itself."""

    def begin(self) -> Iterator[str]:
        """Before the first step of this process: whatever has to be said, in one line each."""

    def run(self, until: int) -> Iterator[Progress]:
        """Go on until `until` steps in all; pauses wherever there is something to see."""

    def evaluation_due(self) -> bool:
        """Whether it is time for an evaluation."""

    def evaluate(self, at_once: AtOnce, full: bool) -> Evaluated:
        """What has been learnt, scored.  It changes nothing that the future depends on but its own
        count, and nothing at all where it is interrupted.

        at_once  around what a signal may end
        full     what is logged only
        """

    def observers(self, full: bool) -> Sequence[Any]:
        """Callbacks of its own: warnings, and where `full` images."""

    def finished(self, until: int) -> bool:
        """Whether nothing is left to do."""

    def reopen(self) -> None:
        """Go on past a goal that was reached."""

    def model(self) -> dict[str, Any]:
        """What can be used without the task: best.safetensors."""

    def state(self) -> dict[str, Any]:
        """All that the future depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there.   An error of drl.state.UNFIT where it is another's."""

    def close(self) -> None:
        """Free what it holds."""
