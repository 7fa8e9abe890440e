"""Files that the user asks for by `out`: written whole, and over nothing that must not be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drl.errors import UserError


def check_out(out: Path) -> None:
    """Before the work: UserError where `out` is a file that a run is made of, or no file."""
    from drl.experiment.run_files import is_part_of_a_run

    if is_part_of_a_run(out):
        raise UserError(f"`out` {out} is a file of that run itself: give another name")
    if out.exists() and not out.is_file():
        raise UserError(f"`out` {out} is there, and no file: give the name of a file")


def make_directory(out: Path) -> None:
    """UserError where it cannot be made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(out, error) from error


def write_out(out: Path, *content: Any) -> None:
    """content: bytes, one after another.   UserError where the disk will not have them."""
    from drl.files import write_atomic

    try:
        write_atomic(out, *content)
    except OSError as error:
        raise refused(out, error) from error


def refused(out: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {out} ({error.strerror or error}): give `out` a place that can be written to"
    )
