"""`progress.jsonl`: a JSON object a line, for jq and for whoever follows a run from outside."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drl.log.file import File, whole_lines
from drl.log.logger import Opening
from drl.tables import LOGGERS

NAME = LOGGERS["jsonl"].file or ""


class Lines(File):
    """One file in `directory`: {"step": …, "time": …, "train/loss": …}, and texts by their tag.

    NaN and Inf, which JSON does not have, are null.

    first_step  on resume: lines from this step on will be written again, and are dropped; None: the
                file is new
    """

    def __init__(self, directory: Path, first_step: int | None = None) -> None:
        super().__init__(Path(directory) / NAME)
        found = read_lines(self.path) if first_step is not None else []
        kept = [line for line in found if line["step"] < (first_step or 0)]
        self.begin("".join(json.dumps(line) + "\n" for line in kept))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._write(step, {tag: _finite(float(value)) for tag, value in values.items()})

    def text(self, tag: str, text: str, step: int) -> None:
        self._write(step, {tag: text})

    def _write(self, step: int, content: dict[str, Any]) -> None:
        line = {"step": step, "time": round(time.time(), 3), **content}
        self.append(json.dumps(line) + "\n")


def open_logger(told: Opening) -> Lines:
    """Of a run."""
    return Lines(told.directory, told.first_step)


def last_step(directory: Path) -> float:
    """The largest step that is written there; 0: none."""
    return max((line["step"] for line in read_lines(directory / NAME)), default=0)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a progress.jsonl; what a kill cut short is left out."""
    found = []
    for line in whole_lines(path):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and type(content.get("step")) is int:
            found.append(content)
    return found


def read_curves(path: Path) -> dict[str, list[tuple[int, float]]]:
    """tag → (step, value) of each point, in the order of the lines."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in read_lines(path):
        for tag, value in line.items():
            if tag not in ("step", "time") and type(value) in (int, float):
                curves.setdefault(tag, []).append((line["step"], value))
    return curves


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
