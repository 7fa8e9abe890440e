"""One progress table for runs side by side: rich on a terminal, an output of the cell in a
notebook, plain lines elsewhere.

Like the console's bar it is written to standard error, but in a notebook.  No thread redraws it:
processes are forked beside it.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drl.display.console import Console
from drl.display.notebook import EVERY, Output, in_notebook
from drl.display.pace import Pace
from drl.display.streams import one_line
from drl.numbers import score
from drl.raised import alike


class RunsTable:
    """Plain lines: one for each run that ends, one every few seconds on those that go on.

    quiet leaves only warnings and failures.
    """

    def __init__(self, total: int, quiet: bool, every: float = 5.0) -> None:
        self.total, self.quiet, self.every = total, quiet, every
        self.ended = 0
        self.status: dict[str, str] = {}
        self.paces: dict[str, Pace] = {}
        self.warned: set[str] = set()
        self.failed: dict[str, str] = {}  # why → the first run that has
        self.last = time.monotonic()

    def start(self, run: Path) -> None:
        self.status[run.name] = "begins"

    def update(self, run: Path, done: int, total: int, unit: str, status: str) -> None:
        pace = self.pace(run, done, total)
        self.status[run.name] = f"{done:,} of {total:,} {unit}  {pace}  {status}"

    def pace(self, run: Path, done: int, total: int) -> str:
        """Speed and time left of a run."""
        return self.paces.setdefault(run.name, Pace(total))(done)

    def warn(self, run: Path, text: str) -> None:
        """Once, where several runs have the same to say."""
        if (common := alike(text.replace(str(run), ""))) not in self.warned:
            self.warned.add(common)
            self.say(f"drl: warning: {run.name}: {text}")

    def end(self, run: Path, summary: dict[str, Any]) -> None:
        self._end(run)
        if not self.quiet:
            self.say(f"{run.name}  {outcome(summary)}  ({self.ended} of {self.total})")

    def fail(self, run: Path, reason: str) -> None:
        self._end(run)
        common = re.sub(r"\d+", "", alike(reason.replace(str(run), "")))  # steps made differ
        first = self.failed.setdefault(common, run.name)
        why = f": {reason}" if first == run.name else f" as {first}"
        self.say(f"drl: {run.name} failed{why}")

    def refresh(self) -> None:
        if not self.quiet and time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            for name, status in self.status.items():
                self.say(f"{name}  {status}")

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def _end(self, run: Path) -> None:
        self.ended += 1
        self.status.pop(run.name, None)


class RichTable(RunsTable):
    """A row for each run: bar, steps, speed and time left, status.  Where the rows are more than
    the terminal has, those of ended runs go.
    """

    def __init__(self, bar: Any, total: int) -> None:
        super().__init__(total, quiet=False)
        self.bar = bar
        self.rows: dict[str, Any] = {}

    def start(self, run: Path) -> None:
        self.rows[run.name] = self.bar.add_task(
            "", total=None, run=run.name, unit="", pace="", status=""
        )

    def update(self, run: Path, done: int, total: int, unit: str, status: str) -> None:
        pace = self.pace(run, done, total)
        row = self.rows[run.name]
        self.bar.update(row, completed=done, total=total, unit=unit, pace=pace, status=status)

    def end(self, run: Path, summary: dict[str, Any]) -> None:
        self._end_row(run, outcome(summary))

    def fail(self, run: Path, reason: str) -> None:
        self._end_row(run, "failed")
        super().fail(run, reason)

    def refresh(self) -> None:
        if time.monotonic() - self.last >= 0.25:
            self.last = time.monotonic()
            self.bar.refresh()

    def _end_row(self, run: Path, status: str) -> None:
        row = self.rows[run.name]
        visible = self.total < self.bar.console.height - 4
        self.bar.update(row, pace="", status=status, visible=visible)
        self.bar.stop_task(row)


class CellTable(RunsTable):
    """A line for each run in one output of a notebook's cell, updated in place."""

    def __init__(self, total: int) -> None:
        super().__init__(total, quiet=False, every=EVERY)
        self.output = Output()
        self.rows: dict[str, str] = {}

    def end(self, run: Path, summary: dict[str, Any]) -> None:
        self._end(run)
        self.rows[run.name] = outcome(summary)
        self._show()

    def fail(self, run: Path, reason: str) -> None:
        self.rows[run.name] = "failed"
        super().fail(run, reason)
        self._show()

    def refresh(self) -> None:
        if time.monotonic() - self.last >= self.every:
            self._show()

    def _show(self) -> None:
        self.last = time.monotonic()
        lines = (self.rows | self.status).items()
        self.output.show("\n".join(one_line(f"{name}  {text}") for name, text in lines))


@contextmanager
def runs_table(console: Console, total: int) -> Iterator[RunsTable]:
    """The table of `total` runs."""
    if in_notebook() and not console.quiet:
        yield CellTable(total)
        return
    if console.quiet or not sys.stderr.isatty():
        yield RunsTable(total, console.quiet)
        return
    from drl.display.terminal import BarColumn, Field, MofNCompleteColumn, progress

    columns = (
        Field("run"), BarColumn(20), MofNCompleteColumn(), Field("unit"), Field("pace"),
        Field("status"),
    )  # fmt: skip
    with progress(*columns, auto_refresh=False) as bar:
        yield RichTable(bar, total)
        bar.refresh()


def outcome(summary: dict[str, Any]) -> str:
    """A run's result in a few words."""
    if summary["interrupted"]:
        return "interrupted, checkpoint saved"
    if "test_accuracy" in summary:
        return f"test accuracy {summary['test_accuracy']:.2%}, {summary['seconds']:.2f} s"
    best = summary["best_mean_reward"]
    words = ["solved"] * summary["solved"] + [f"best evaluation {score(best)}"] * (best is not None)
    return ", ".join([*words, f"{summary['env_steps']:,} env steps, {summary['seconds']:.2f} s"])
