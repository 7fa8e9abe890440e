"""What a run's directory is made of, by name: claimed, told apart from others, cleared."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

from drl.display.commands import command
from drl.errors import UserError
from drl.files import read_json
from drl.named import short

MOST_SEEDS = 10_000  # runs in one directory
# what a process leaves that is killed while it makes a run, or writes a file of one
HALF = (".config.json.[0-9]*", ".summary.json.[0-9]*", "checkpoints/.*.safetensors.[0-9]*")
TRACEBACKS = "env_tracebacks.txt"  # of what an environment has raised
OWN = ("config.json", "summary.json", ".lock", "events.*", TRACEBACKS)


def claim_directory(job: str, what: str, seed: int | str) -> Path:
    """runs/<job>-<what>-<seed>-<time>, with -2, -3, … where there is one: a directory made now, so
    that no other process is given the same.   UserError where none can be made."""
    name = f"{job}-{re.sub('[^A-Za-z0-9_.=+-]+', '-', short(what))}-{seed}"
    name += "-" + time.strftime("%Y%m%d-%H%M%S")
    home = Path("runs")
    try:
        home.mkdir(exist_ok=True)
        for n in itertools.count(1):
            with contextlib.suppress(FileExistsError):
                path = home / (name if n == 1 else f"{name}-{n}")
                path.mkdir()
                return path
    except OSError as error:
        raise no_place(home, error) from error
    raise AssertionError("there is always a next name")


def is_part_of_a_run(path: Path) -> bool:
    """Whether `path` is the name of a file that a run is made of, there or not."""
    return home_of(path.parent.resolve() / path.name) is not None


def home_of(path: Path) -> Path | None:
    """The directory of the run that a file of this name is part of, there or not; None: of none."""
    kept = path.parent.name == "checkpoints" and path.suffix == ".safetensors"
    home = path.parents[1] if kept else path.parent
    own = kept or any(path.match(pattern) for pattern in OWN)
    return home if own and (home / "config.json").exists() else None


def is_free(directory: Path) -> bool:
    """Whether a run can be made there: it is empty, but for what a process left that was killed in
    making one."""
    if not directory.is_dir():
        return False
    left = {directory / ".lock", directory / "checkpoints", *halves(directory)}
    checkpoints = directory / "checkpoints"
    empty = not checkpoints.is_dir() or left.issuperset(checkpoints.iterdir())
    return empty and left.issuperset(directory.iterdir())


def halves(directory: Path) -> list[Path]:
    return [path for pattern in HALF for path in directory.glob(pattern)]


@contextlib.contextmanager
def undone(directory: Path) -> Iterator[None]:
    """Where no run can be made the directory is empty again, for the next try."""
    try:
        yield
    except BaseException:
        clear(directory)
        raise


def clear(directory: Path) -> None:
    """What `create` has made, while it is locked."""
    for path in (directory / "config.json", directory / ".lock", *halves(directory)):
        with contextlib.suppress(OSError):
            path.unlink()
    remove_empty(directory / "checkpoints")


def remove_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def require_place(directory: Path) -> None:
    """UserError where something is that a run would be made over: said before anything is made or
    shown for it."""
    try:
        free = not directory.exists() or is_free(directory)
    except OSError as error:
        raise no_place(directory, error) from error
    if not free:
        raise taken(directory)


def taken(directory: Path) -> UserError:
    """Where a run was to be made, something is: how to go on with it, if there is a way."""
    text = f"{directory} exists and is not empty: give another `run`"
    if any(map(_unfinished, (directory, *sorted(directory.glob("*/"))))):
        text += ", or go on with it: " + command("resume", directory)
    return UserError(text)


def _unfinished(run: Path) -> bool:
    """A run that has not come to its result."""
    if not (run / "config.json").is_file():
        return False
    try:
        return bool(read_json(run / "summary.json").get("interrupted"))
    except UserError:  # none
        return True


def no_place(directory: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot make a run in {directory} ({error.strerror}): give `run` a place that can be "
        "written to"
    )
