"""`drl compare RUN…`: settings beside each other, each over its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from drl.display.commands import command
from drl.errors import UserError

SUFFIXES = (".png", ".svg")


@dataclass(frozen=True)
class Config:
    """Compare runs: a row for each group of runs that differ in nothing but the seed.

    IQM is the mean of the middle half of the runs; the interval is its 95 % bootstrap interval.
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Directories of runs, or directories of such."""
    out: Path | None = None
    """Plot the learning curves to this file, .png or .svg."""
    tensorboard: Path | None = None
    """Write each group's curves over its seeds (mean, IQM, interval) for TensorBoard to this
    directory, a run below it for each group."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if not self.runs:
            raise UserError("compare what? give directories of runs, e.g. runs/*")
        if self.out is not None and self.out.suffix not in SUFFIXES:
            raise UserError(f"--out {self.out} is not possible: give a name with .png or .svg")


def run(config: Config) -> dict[str, Any]:
    """Read, print the table, draw, and give the numbers."""
    from drl.api.sweeping import groups_of
    from drl.display.console import Console
    from drl.experiment.output import check_out
    from drl.experiment.results_table import print_table
    from drl.extras import need, require

    if config.out is not None:
        check_out(config.out)
        need("plot", "matplotlib")  # before the reading, which may take a while
    if config.tensorboard is not None:
        require("--tensorboard", "tensorboard")
    console = Console(quiet=config.json)
    groups = groups_of(config.runs, console)
    board = []
    if config.tensorboard is not None:
        from drl.experiment.results_board import over_seeds, write

        board = over_seeds(groups, config.tensorboard)  # refused before anything is shown
    rows = [row for g in groups for row in g.rows()]
    print_table(rows, console)
    if config.out is not None:
        from drl.experiment.results_plot import plot

        plot(groups, config.out)
        console.print(f"curves: {config.out}")
    written = [str(group.home) for group in board]
    if config.tensorboard is not None:
        write(board)
        console.print(f"over seeds: {', '.join(written)}")
        console.print("see curves: " + command("board", config.tensorboard))
    out = str(config.out) if config.out else None
    return {"groups": rows, "out": out, "tensorboard": written}
