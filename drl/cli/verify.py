"""`drl verify RUN`: is it what its settings say, to the last byte?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


@dataclass(frozen=True)
class Config:
    """Train a run again, and compare every byte with its newest checkpoint.

    Exit code 0 where all are the same, 1 where one differs.  Nothing of the run is changed.
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    from_: Annotated[Literal["start", "checkpoint"], tyro.conf.arg(name="from")] = "start"
    """Its first step, or the checkpoint before the newest, which is sooner done."""
    json: bool = False
    """Print the result as one JSON object on the last line."""


def run(config: Config) -> dict[str, Any]:
    """Train, compare, print, and give what was found."""
    from drl.api.verify import verify
    from drl.cli.console import CommandConsole

    console = CommandConsole(quiet=config.json)
    found = verify(config.run, console, config.from_)
    at = found.first_difference
    if found.same:
        console.print(f"{config.run}: every byte is the same after {found.step:,} {found.unit}")
    elif at is not None:
        console.print(f"{config.run}: the parameters differ from {found.unit[:-1]} {at:,} on")
    else:
        console.print(
            f"{config.run}: {found.where} differs after {found.step:,} {found.unit}; the "
            "parameters are the same wherever they were logged"
        )
    return {
        "same": found.same,
        "step": found.step,
        "first_difference": at,
        "where": found.where,
        "failed": not found.same,
    }
