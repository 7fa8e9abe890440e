"""The whole of what environment code has raised, in a file of the run: people are told one line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drl.errors import EnvFailed, EnvWarning
from drl.experiment.run_files import TRACEBACKS
from drl.raised import traceback_of


@contextlib.contextmanager
def tracebacks_kept(directory: Path | None) -> Iterator[None]:
    """What is raised by an environment in the body, and what is warned of it, has its traceback in
    a file there, which the line that tells of it names.   directory: of a run; None: there is none
    """
    if directory is None:
        yield
        return
    others = warnings.showwarning

    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if isinstance(message, EnvWarning):
            _keep(directory, message, message.trace)
        others(message, category, *where, **more)

    warnings.showwarning = show
    try:
        yield
    except EnvFailed as error:
        _keep(directory, error, traceback_of(error))
        raise
    finally:
        if warnings.showwarning is show:
            warnings.showwarning = others


def _keep(directory: Path, told: EnvFailed | EnvWarning, trace: str) -> None:
    """Once each; where it cannot be written, the line has to do."""
    if not trace:
        return
    path = directory / TRACEBACKS
    entry = f"{str(told).partition('; ')[0]}\n{trace}\n"
    with contextlib.suppress(OSError):
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if trace not in there:
            with path.open("a", encoding="utf-8") as file:
                file.write(entry)
        told.args = (f"{told}; its traceback: {path}",)
