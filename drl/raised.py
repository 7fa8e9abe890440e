"""What somebody else's code has raised: in one line, with its place, and whole."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from types import TracebackType

from drl.errors import UserError

LENGTH = 300  # characters of a message
HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OURS = tuple(os.path.join(HOME, package, "") for package in ("drl", "agents", "envs"))
PYTHON = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")
INSTALLED = re.compile(r".*[/\\](?:site|dist)-packages[/\\]")


def said(error: BaseException, installed: bool = False) -> str:
    """An exception in one line: its type, the start of what it says, and its place.   installed: as
    in `place`."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # even that can be broken
        text = ""
    text = text if len(text) <= LENGTH else text[:LENGTH] + " …"
    where = place(error, installed)
    return type(error).__name__ + (text and f": {text}") + (where and f" at {where}")


def place(error: BaseException, installed: bool = False) -> str:
    """file:line of the innermost frame that is the user's own code, not ours, Python's or an
    installed package's; "" where there is none.

    installed  then that of a package: the environment may be one's
    """
    own = packages = ""
    for file, line in _frames(error.__traceback__):
        if INSTALLED.match(file):
            packages = f"{INSTALLED.sub('', file)}:{line}"
        else:
            own = f"{_shown(file)}:{line}"
    return own or (packages if installed else "")


def traceback_of(error: BaseException) -> str:
    """The whole traceback of what somebody else's code has raised, of which `error` tells; "" where
    it is of none."""
    told: BaseException | None = error
    while told is not None:
        if kept := getattr(told, "trace", ""):
            return str(kept)
        if not isinstance(told, UserError) and any(_frames(told.__traceback__)):
            return "".join(traceback.format_exception(told))
        told = told.__cause__
    return ""


def alike(text: str) -> str:
    """What the lines on failures of one kind have in common: all but which environment it was."""
    return re.sub(r" \(environment \d+\)", "", text)


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    """File and line of those that are neither ours nor Python's, from the outermost on."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        standard = file.startswith(PYTHON) and not INSTALLED.match(file)
        if not (file.startswith((*OURS, "<frozen", "<__")) or standard):
            yield file, trace.tb_lineno
        trace = trace.tb_next


def _shown(file: str) -> str:
    """Below the working directory by its name there."""
    try:
        near = os.path.relpath(file)
    except (ValueError, OSError):  # another drive; no working directory any more
        return file
    return file if near.startswith(os.pardir) or file.startswith("<") else near
