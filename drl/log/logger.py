"""What a run tells of itself, and whoever writes it down."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Opening(NamedTuple):
    """What a module's `open_logger` is told of the run whose curves it is to write.

    name        of the logger in drl.tables.LOGGERS
    settings    of the run
    first_step  on resume: what an earlier process wrote from this step on comes again, and is
                dropped; None: a new run
    episodes    on resume: how many had ended before the checkpoint; None: a new run
    """

    name: str
    directory: Path
    settings: Mapping[str, Any]
    first_step: int | None = None
    episodes: int | None = None


class Logger:
    """Takes what a run tells, and does nothing with it: a writer overrides what it can keep.

    `step` is whatever the run counts (env steps, updates).  Nothing that a disk or a network
    refuses stops a training: see `refused`.
    """

    said = False  # that something could not be written

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of one curve."""
        self.scalars({tag: value}, step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Points of several curves, by tag."""

    def checksum(self, crc32: int, step: int) -> None:
        """Of the parameters: two runs that are the same have the same at every step."""

    def episode(self, reward: float, length: int, seconds: float) -> None:
        """A training episode has ended: return, agent steps, seconds since the run began."""

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """The distribution of an array's numbers."""

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """uint8 (H, W) or (H, W, 3)."""

    def video(self, tag: str, frames: np.ndarray, fps: float, step: int) -> None:
        """uint8 (T, H, W, 3), `fps` images a second."""

    def text(self, tag: str, text: str, step: int) -> None:
        """Words."""

    def pr_curve(self, tag: str, labels: Any, scores: Any, step: int) -> None:
        """Precision over recall: labels (N,) bool, scores (N,) in [0, 1]."""

    def layout(self, layout: Any) -> None:
        """Which curves belong into one chart."""

    def hparams(
        self, settings: Mapping[str, Any], metrics: Sequence[str], first: Sequence[str] = ()
    ) -> None:
        """Settings, those that are shown first, and the tags that runs are compared by."""

    def flush(self) -> None:
        """What was told survives a kill of this process from now on."""

    def close(self) -> None:
        """Nothing more comes."""

    @contextmanager
    def refused(self, what: str) -> Iterator[None]:
        """Around a write: what the disk or the network will not have is said once, and costs the
        curves, never the training."""
        try:
            yield
        except OSError as error:
            if not self.said:
                print(
                    f"drl: cannot write {what} ({error.strerror or error}); training goes on "
                    "without",
                    file=sys.stderr,
                    flush=True,
                )
            self.said = True


class Loggers(Logger):
    """Several as one."""

    def __init__(self, loggers: Iterable[Logger]) -> None:
        self.loggers = list(loggers)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for logger in self.loggers:
            logger.scalars(values, step)

    def checksum(self, crc32: int, step: int) -> None:
        for logger in self.loggers:
            logger.checksum(crc32, step)

    def episode(self, reward: float, length: int, seconds: float) -> None:
        for logger in self.loggers:
            logger.episode(reward, length, seconds)

    def histogram(self, tag: str, values: Any, step: int) -> None:
        for logger in self.loggers:
            logger.histogram(tag, values, step)

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        for logger in self.loggers:
            logger.image(tag, pixels, step)

    def video(self, tag: str, frames: np.ndarray, fps: float, step: int) -> None:
        for logger in self.loggers:
            logger.video(tag, frames, fps, step)

    def text(self, tag: str, text: str, step: int) -> None:
        for logger in self.loggers:
            logger.text(tag, text, step)

    def pr_curve(self, tag: str, labels: Any, scores: Any, step: int) -> None:
        for logger in self.loggers:
            logger.pr_curve(tag, labels, scores, step)

    def layout(self, layout: Any) -> None:
        for logger in self.loggers:
            logger.layout(layout)

    def hparams(
        self, settings: Mapping[str, Any], metrics: Sequence[str], first: Sequence[str] = ()
    ) -> None:
        for logger in self.loggers:
            logger.hparams(settings, metrics, first)

    def flush(self) -> None:
        for logger in self.loggers:
            logger.flush()

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()
