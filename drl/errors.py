"""Mistakes that the user can mend, what is warned of, and numbers that are none."""

from __future__ import annotations

from typing import Any


class UserError(ValueError):
    """One line: what is wrong, what was expected, what to do.

    The command line prints it on standard error and exits with code 2, without a traceback.
    """


class EnvFailed(UserError):
    """An environment that training cannot go on with; what was learnt until then is whole.

    result  what `drl.train` had come to (drl.Result); None elsewhere
    trace   the whole traceback of what it has raised, where it was in another process
    """

    result: Any = None
    trace = ""


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

    trace  the whole traceback of what it has raised, if it has
    """

    def __init__(self, text: str = "", trace: str = "") -> None:
        super().__init__(text)
        self.trace = trace


class Diverged(ArithmeticError):
    """Training made a number that is none: `what`, the loss or the norm of a layer's gradient or
    parameters.  A norm is also Inf where a number is too large to be squared."""

    def __init__(self, what: str, update: int) -> None:
        super().__init__(f"training has diverged: {what} is NaN or Inf at update {update:,}")
