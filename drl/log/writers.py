"""The loggers of a run, by name: what `log_to` knows."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drl.display.commands import command
from drl.display.streams import one_line
from drl.errors import UserError
from drl.extras import installed, require
from drl.log.logger import Logger, Loggers, Opening
from drl.tables import LOGGERS

if TYPE_CHECKING:
    Writer = str
else:  # for the command line: one of the table's names
    Writer = Literal[tuple(LOGGERS)]


def default_writers() -> tuple[Writer, ...]:
    """TensorBoard's files and a table; the table alone where TensorBoard is not installed."""
    return ("tensorboard", "csv") if installed("tensorboard") else ("csv",)


def before_run(log: str, names: Sequence[str]) -> list[str]:
    """Asked before a new run is made.   Lines to print: which files its curves go to, where
    TensorBoard is not installed.

    log  how much is logged: with "none" nothing is needed, and nothing said

    UserError where one of `names` needs a package that is not here.
    """
    if log == "none":
        return []
    require_packages(names)
    files = [row.file for name in names if (row := LOGGERS[name]).file]
    if not files or installed("tensorboard"):
        return []
    return [f"curves: {', '.join(files)}; TensorBoard is not installed (pip install tensorboard)"]


def open_loggers(
    names: Sequence[str], directory: Path, settings: Mapping[str, Any],
    resumed_at: int | None = None, episodes: int = 0,
) -> Logger:  # fmt: skip
    """One logger that writes to all of them.

    resumed_at  the step of the checkpoint that a resumed run goes on from: what an earlier process
                wrote after it comes again, and is dropped, so that a curve is one line; None: new
    episodes    how many had ended by then

    UserError for a name that is unknown, or a package that is not installed.
    """
    require_packages(names)
    first = None if resumed_at is None else resumed_at + 1
    ended = None if resumed_at is None else episodes
    return Loggers(
        importlib.import_module(LOGGERS[name].module).open_logger(
            Opening(name, Path(directory), settings, first, ended)
        )
        for name in dict.fromkeys(names)
    )


def see_curves(log: str, names: Sequence[str], directory: Path) -> str:
    """What a finished run says of its curves: the command that shows them, or the files they are
    in; empty where there are none.

    log    how much was logged
    names  who wrote it
    """
    if log != "none" and "tensorboard" in names:
        return command("board", directory.parent)
    files = [str(directory / row.file) for name in names if (row := LOGGERS[name]).file]
    return one_line(", ".join(files)) if log != "none" else ""


def last_step(directory: Path) -> float:
    """The largest step of all that was ever logged there; infinite where a part cannot be read."""
    modules = {row.module for row in LOGGERS.values()}
    steps = [importlib.import_module(module).last_step(directory) for module in modules]
    return float(max(steps))


def writers_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in a run's settings; runs from before there was a choice have TensorBoard's.

    UserError where they are no list.
    """
    names = settings.get("log_to", ["tensorboard"])
    if not isinstance(names, list | tuple):
        raise UserError(f"log_to = {names!r} is not possible: expected a list of names")
    return tuple(names)


def check_writers(names: Sequence[str]) -> None:
    """UserError where one of them is unknown."""
    for name in names:
        if name not in LOGGERS:
            raise UserError(f"unknown logger {name!r}: expected some of {', '.join(LOGGERS)}")


def require_packages(names: Sequence[str]) -> None:
    """UserError where one of them needs a package that is not here.

    Not asked where the settings of a run are read: to score a run, or to watch it, takes none.
    """
    for name in names:
        if package := LOGGERS[name].package:
            require(f"logging to {name}", package)
