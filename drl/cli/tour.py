"""`drl tour [N]`: the course notes, chapter by chapter, with every number and figure computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from drl.errors import UserError
from drl.experiment.output import make_directory
from drl.extras import how
from drl.tour import CHAPTERS, chapter, write
from drl.tour.page import PLOTS


@dataclass(frozen=True)
class Config:
    """From logistic regression to deep reinforcement learning in eleven chapters that run."""

    chapter: tyro.conf.Positional[int | None] = None
    """Chapter to read, 1 to 11; none: the list of them."""
    all: bool = False
    """All chapters, to files in --out."""
    out: Path | None = None
    """Directory for Markdown and figures; none: the text alone, in the terminal."""
    json: bool = False
    """Print the chapters' numbers as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.chapter is not None and not 1 <= self.chapter <= len(CHAPTERS):
            raise UserError(f"there is no chapter {self.chapter}: give 1 to {len(CHAPTERS)}")
        if self.all and (self.chapter is not None or self.out is None):
            raise UserError("--all writes every chapter: give it --out DIR and no number")


def run(config: Config) -> dict[str, Any]:
    """Compute, print or write, and give the numbers of each chapter."""
    from drl.display.console import Console

    console = Console(quiet=config.json)
    if config.chapter is None and not config.all:
        for number, title in enumerate(CHAPTERS.values(), start=1):
            console.print(f"{number:>2}  {title}")
        console.print("read one, with its figures:  drl tour 1 --out tour")
        return {"chapters": list(CHAPTERS.values())}
    wanted = range(1, len(CHAPTERS) + 1) if config.chapter is None else [config.chapter]
    numbers = {}
    if config.out is not None:
        make_directory(config.out)
    for number in wanted:
        page = chapter(number, config.out)
        numbers[str(number)] = page.numbers
        if config.out is None:
            console.print(page.markdown)
        else:
            console.print(str(write(page, config.out)))
    if config.out is not None and not PLOTS:
        console.print(f"no figures: {how('plot')}")
    return {"chapters": numbers}
