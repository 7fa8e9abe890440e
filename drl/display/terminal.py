"""rich, as we use it: where a person sits before the stream, and with nothing of ours as markup."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TransferSpeedColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from drl.display.streams import Above, one_line, printable, unfiltered

__all__ = [
    "BarColumn", "DownloadColumn", "Field", "MofNCompleteColumn", "Progress", "Terminal",
    "TransferSpeedColumn", "progress", "table",
]  # fmt: skip

WIDEST = 100_000  # columns that a table may ask for


class Terminal(Console):
    """A console that takes text from anywhere: brackets are brackets, control characters are shown
    by their codes.  In a notebook it writes plain text as into a file, not HTML, nor colours (a
    kernel has FORCE_COLOR set)."""

    def __init__(self, stream: TextIO, **options: Any) -> None:
        own = {"force_terminal": stream.isatty(), "force_jupyter": False}
        super().__init__(
            file=unfiltered(stream), markup=False, emoji=False, highlight=False, **own | options
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    def show(self, table: Table) -> None:
        """As wide as its cells are: the terminal goes on in the next line, nothing is cut."""
        wanted = Measurement.get(self, self.options.update(max_width=WIDEST), table).maximum
        self.width = max(self.width, wanted)
        self.print(table, crop=False)


class Field(ProgressColumn):
    """A field of a progress task, as it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def render(self, task: Task) -> Text:
        return Text(one_line(str(task.fields[self.name])), no_wrap=True)


def table(*heads: str, title: str | None = None) -> Table:
    """A table for `Terminal.show`.   heads: its columns;  none of them shown if there is no text"""
    made = Table(*heads, title=title, show_header=any(heads))
    for column in made.columns:
        column.no_wrap = True
    return made


@contextmanager
def progress(*columns: ProgressColumn, auto_refresh: bool = True) -> Iterator[Progress]:
    """A bar or several on standard error.  Lines that are printed meanwhile come above it."""
    console = Terminal(sys.stderr or io.StringIO())

    def show(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    bar = Progress(
        *columns, console=console, refresh_per_second=4, auto_refresh=auto_refresh,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(bar)
        if sys.stderr is not None:
            above = stack.enter_context(Above(show, sys.stderr))
            stack.enter_context(redirect_stderr(above))
        if sys.stdout is not None and sys.stdout.isatty():
            above = stack.enter_context(Above(show, sys.stdout))
            stack.enter_context(redirect_stdout(above))
        yield bar
