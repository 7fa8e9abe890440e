"""What a person sees: progress while a job runs, a table at its end.

On standard error, and rich only where that is a terminal; elsewhere plain lines, now and then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    def update(self, done: int, status: str) -> None: ...


class Console:
    """quiet leaves everything out but warnings: standard output belongs to --json then."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def print(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """On standard error, also when quiet: what must not be missed."""
        print(f"drl: warning: {text}", file=sys.stderr, flush=True)

    def table(self, title: str, rows: dict[str, str]) -> None:
        """Two columns."""
        if self.quiet:
            return
        if sys.stdout.isatty():
            from rich.console import Console as Rich
            from rich.table import Table

            table = Table(title=title, show_header=False)
            for name, value in rows.items():
                table.add_row(name, value)
            Rich().print(table)
            return
        width = max(map(len, rows))
        print(title)
        for name, value in rows.items():
            print(f"  {name:<{width}}  {value}", flush=True)

    @contextmanager
    def progress(self, unit: str, total: int) -> Iterator[Progress]:
        """A bar over `total`, with a status text."""
        if self.quiet:
            yield _Silent()
        elif sys.stderr.isatty():
            with _bar(unit, total) as bar:
                yield bar
        else:
            yield _Lines(unit, total)


class _Silent:
    def update(self, done: int, status: str) -> None:
        pass


class _Lines:
    """A plain line every few seconds."""

    def __init__(self, unit: str, total: int, every: float = 5.0) -> None:
        self.unit, self.total, self.every = unit, total, every
        self.last = time.monotonic()

    def update(self, done: int, status: str) -> None:
        if time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            print(f"{done:,} of {self.total:,} {self.unit}  {status}", file=sys.stderr, flush=True)


@contextmanager
def _bar(unit: str, total: int) -> Iterator[Progress]:
    from rich.console import Console as Rich
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns: list[Any] = [
        BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(),
        TextColumn("{task.description}"),
    ]  # fmt: skip
    with Bar(*columns, console=Rich(stderr=True), refresh_per_second=4) as bar:
        task = bar.add_task("", total=total)

        class Rows:
            def update(self, done: int, status: str) -> None:
                bar.update(task, completed=done, description=status)

        yield Rows()
