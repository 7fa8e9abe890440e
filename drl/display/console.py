"""What a person sees: progress while a job runs, a table at its end.

On standard error, and rich only where that is a terminal; in a notebook an output of the cell that
is updated in place; elsewhere plain lines, now and then.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

from drl.display.notebook import Bar, in_notebook
from drl.display.pace import Pace
from drl.display.streams import one_line
from drl.errors import EnvWarning


class Progress(Protocol):
    def update(self, done: int, status: str) -> None: ...


class Console:
    """quiet leaves everything out but warnings: standard output belongs to --json then."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.said: set[str] = set()  # what need not be said again

    def print(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """On standard error, also when quiet: what must not be missed."""
        print(f"drl: warning: {text}", file=sys.stderr, flush=True)

    def warn_once(self, about: str, text: str) -> None:
        """What is true of all runs that are shown here alike: the first of them says it."""
        if about not in self.said:
            self.said.add(about)
            self.warn(text)

    def table(self, title: str, rows: dict[str, str]) -> None:
        """Two columns."""
        self.print(one_line(title))
        lines = {name: one_line(value) for name, value in rows.items()}
        if self.quiet:
            return
        if sys.stdout.isatty():
            from drl.display.terminal import Terminal, table

            shown = table("", "")
            for row in lines.items():
                shown.add_row(*row)
            Terminal(sys.stdout).show(shown)
            return
        width = max(map(len, lines))
        for name, value in lines.items():
            self.print(f"  {name:<{width}}  {value}")

    @contextmanager
    def progress(self, unit: str, total: int) -> Iterator[Progress]:
        """A bar over `total`, with speed, time left and a status text."""
        if self.quiet:
            yield _Silent()
        elif in_notebook():
            with closing(Bar(unit, total)) as shown:
                yield shown
        elif sys.stderr.isatty():
            with _bar(unit, total) as bar:
                yield bar
        else:
            yield _Lines(unit, total)


@contextmanager
def env_warnings(say: Callable[[str], object]) -> Iterator[None]:
    """What is warned of an environment in the body goes to `say`, each time, whatever Python's
    filters are."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, EnvWarning):
                say(str(message))
            else:
                others(message, category, *where, **more)

        warnings.simplefilter("always", EnvWarning)
        warnings.showwarning = show  # catch_warnings puts the old one back
        yield


class _Silent:
    def update(self, done: int, status: str) -> None:
        pass


class _Lines:
    """A plain line every few seconds."""

    def __init__(self, unit: str, total: int, every: float = 5.0) -> None:
        self.unit, self.total, self.every, self.pace = unit, total, every, Pace(total)
        self.last = time.monotonic()

    def update(self, done: int, status: str) -> None:
        pace = self.pace(done)
        if time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            line = f"{done:,} of {self.total:,} {self.unit}  {pace}  {status}"
            print(line, file=sys.stderr, flush=True)


@contextmanager
def _bar(unit: str, total: int) -> Iterator[Progress]:
    from drl.display.terminal import BarColumn, Field, MofNCompleteColumn, progress

    pace = Pace(total)
    columns = BarColumn(20), MofNCompleteColumn(), Field("unit"), Field("pace"), Field("status")
    with progress(*columns) as bar:
        task = bar.add_task("", total=total, unit=unit, pace="", status="")

        class Rows:
            def update(self, done: int, status: str) -> None:
                bar.update(task, completed=done, pace=pace(done), status=status)

        yield Rows()
