"""Progress in a notebook: one output of the cell, which is updated in place.

Plain text, so that it is the same in every front end and in the saved file, where its last state
stays.  rich's own display needs ipywidgets to do as much, and without it prints a line each time.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

from drl.display.pace import Pace
from drl.display.streams import one_line

EVERY = 0.25  # seconds between two updates
WIDTH = 20  # of a bar, in characters


def in_notebook() -> bool:
    """Whether a kernel of IPython's runs this program (Jupyter, VS Code, Colab).  A program that
    has not loaded IPython is in none, and does not load it here."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


class Output:
    """One output of the cell, made by the first `show`; text (any number of lines) in place of the
    last one's."""

    def __init__(self) -> None:
        self._display: Any = importlib.import_module("IPython.display").display
        self._handle: Any = None

    def show(self, text: str) -> None:
        content = {"text/plain": text}
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class Bar:
    """A bar over `total`, with speed, time left and a status text.

    every  seconds between two updates of the output; `close` shows the last one
    """

    def __init__(self, unit: str, total: int, every: float = EVERY) -> None:
        self.unit, self.total, self.every, self.pace = unit, total, every, Pace(total)
        self.output, self.line, self.last = Output(), "", -every

    def update(self, done: int, status: str) -> None:
        count = f"{done:,} of {self.total:,} {self.unit}"
        self.line = one_line(f"{bar(done, self.total)} {count}  {self.pace(done)}  {status}")
        if time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            self.output.show(self.line)

    def close(self) -> None:
        if self.line:
            self.output.show(self.line)


def bar(done: int, total: int) -> str:
    """How much of `total` is done, to WIDTH characters."""
    full = min(WIDTH, WIDTH * done // max(total, 1))
    return "█" * full + "░" * (WIDTH - full)
