"""Mistakes that the user can mend, what is warned of, and numbers that are none."""

from __future__ import annotations

import os
from typing import Any

LENGTH = 300  # characters of somebody else's message


class UserError(ValueError):
    """One line: what is wrong, what was expected, what to do.

    The command line prints it on standard error and exits with code 2, without a traceback.
    """


class EnvFailed(UserError):
    """An environment that training cannot go on with; what was learnt until then is whole.

    result  what `drl.train` had come to (drl.Result); None elsewhere
    """

    result: Any = None


class NoPictures(UserError):
    """Nothing is wrong with the environment: it does not draw itself, or not without a package."""


class NotRepeated(Exception):
    """An environment that does not come out where it was, after the same start and actions."""


def out_of_memory(error: BaseException) -> bool:
    """Whether there was too little of it: torch says so by a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error)
    )


class EnvWarning(UserWarning):
    """An environment did what it should not, and the work goes on: one line.

    The command line says it as a line of its own, and a run in TensorBoard too.
    """


class Diverged(ArithmeticError):
    """Training made a number that is none: `what`, the loss or the norm of a layer's gradient or
    parameters.  A norm is also Inf where a number is too large to be squared."""

    def __init__(self, what: str, update: int) -> None:
        super().__init__(f"training has diverged: {what} is NaN or Inf at update {update:,}")


def said(error: BaseException) -> str:
    """Somebody else's exception in one line: its type, and the start of what it says; where a bare
    `assert` says nothing, its place."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # even that can be broken
        text = ""
    text = text if len(text) <= LENGTH else text[:LENGTH] + " …"
    if not text and isinstance(error, AssertionError):
        return f"AssertionError{_where(error)}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _where(error: BaseException) -> str:
    """The line of a file that raised it."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return ""
    return f" in {os.path.basename(last.tb_frame.f_code.co_filename)}, line {last.tb_lineno}"
