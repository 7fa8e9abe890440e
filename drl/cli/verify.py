"""`drl verify RUN`: is it what its settings say, to the last byte?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from drl.api.verify import Verified


@dataclass(frozen=True)
class Config:
    """Train a run again, and compare every byte with its newest checkpoint.

    Exit code 0 where all are the same, 1 where one differs.  Nothing of the run is changed.
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    from_: Annotated[Literal["start", "checkpoint"], tyro.conf.arg(name="from")] = "start"
    """Its first step, or the checkpoint before the newest, which is sooner done."""
    data: Path | None = None
    """Of a classifier that was trained on arrays from Python: a .npz file with them, x and y."""
    json: bool = False
    """Print the result as one JSON object on the last line."""


def run(config: Config) -> dict[str, Any]:
    """Train, compare, print, and give what was found."""
    from drl.api.verify import verify
    from drl.cli.console import CommandConsole

    console = CommandConsole(quiet=config.json)
    found = verify(config.run, console, config.from_, data=config.data)
    console.print(f"{config.run}: {said(found)}")
    if not found.same and found.versions:
        other = ", ".join(f"{name} {then} (here {now})" for name, (then, now) in
                          found.versions.items())  # fmt: skip
        console.print(f"it was trained with {other}")
    return {
        "same": found.same,
        "step": found.step,
        "first_difference": found.first_difference,
        "where": found.where,
        "versions": {name: list(both) for name, both in found.versions.items()},
        "failed": not found.same,
    }


def said(found: Verified) -> str:
    """What was found, in a line."""
    if found.same:
        return f"every byte is the same after {found.step:,} {found.unit}"
    if found.first_difference is not None:
        one = found.unit.removesuffix("s")
        return f"the parameters differ, first seen at {one} {found.first_difference:,}"
    return f"{found.where} differs after {found.step:,} {found.unit}"
