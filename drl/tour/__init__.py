"""The course notes, chapter by chapter, with every number and figure computed."""

from __future__ import annotations

import importlib
from pathlib import Path

from drl.experiment.output import make_directory, write_out
from drl.tour.page import Page

CHAPTERS = {  # module → title
    "logistic": "Logistic regression",
    "neuron": "A neuron",
    "one_neuron_digits": "Digits by one logistic regression",
    "hidden": "A hidden layer",
    "forward": "The forward pass",
    "counting": "Counting parameters",
    "likelihood": "The log-likelihood",
    "backpropagation": "Backpropagation",
    "softmax": "Many outputs",
    "convolution": "Shared weights",
    "reinforcement": "Deep reinforcement learning",
}


def chapter(number: int, out: Path | None = None) -> Page:
    """One chapter, computed.   number: 1 to 11;  out: where its figures go."""
    name, title = list(CHAPTERS.items())[number - 1]
    page = Page(number, title, out)
    importlib.import_module(f"drl.tour.{name}").tell(page)
    return page


def write(page: Page, out: Path) -> Path:
    """OUT/<number>.md beside its figures.  UserError where it cannot be written."""
    file = out / f"{page.stem}.md"
    make_directory(out)
    write_out(file, page.markdown.encode())
    return file
