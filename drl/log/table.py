"""`progress.csv`: a row for each step that has points, a column for each curve.

pandas, a spreadsheet, or Stable-Baselines3's own plots read it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from drl.log.file import File, whole_lines
from drl.log.logger import Opening
from drl.tables import LOGGERS

NAME = LOGGERS["csv"].file or ""
STEP = "step"
CHECKSUM = "parameters_crc32"  # the column that is no curve


class Table(File):
    """One file in `directory`.

    first_step  on resume: rows from this step on will be written again, and are dropped; None: the
                file is new
    """

    def __init__(self, directory: Path, first_step: int | None = None) -> None:
        super().__init__(Path(directory) / NAME)
        self.columns = [STEP]
        self.row: dict[str, float] = {}  # of `self.row_step`, not written yet
        self.row_step = -1
        rows = read_rows(self.path) if first_step is not None else []
        self._begin([row for row in rows if int(row[STEP]) < (first_step or 0)])

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        if step != self.row_step:
            self._write_row()
            self.row_step = step
        self.row.update((tag, float(value)) for tag, value in values.items())

    def checksum(self, crc32: int, step: int) -> None:
        self.scalars({CHECKSUM: crc32}, step)

    def flush(self) -> None:
        self._write_row()
        super().flush()

    def close(self) -> None:
        self._write_row()
        super().close()

    def _write_row(self) -> None:
        if not self.row:
            return
        if new := [tag for tag in self.row if tag not in self.columns]:
            super().flush()  # a curve begins later than the others: all is written anew with it
            self.columns += new
            self._begin(read_rows(self.path))
        cells = [str(self.row_step), *(_cell(self.row.get(tag)) for tag in self.columns[1:])]
        self.row = {}
        self.append(_line(cells))

    def _begin(self, rows: list[dict[str, str]]) -> None:
        known = dict.fromkeys(tag for row in rows for tag in row)
        self.columns = list(dict.fromkeys([*self.columns, *known]))
        lines = [[row.get(tag, "") for tag in self.columns] for row in rows]
        self.begin("".join(map(_line, [self.columns, *lines])))


def open_logger(told: Opening) -> Table:
    """Of a run."""
    return Table(told.directory, told.first_step)


def last_step(directory: Path) -> float:
    """The largest step that is written there; 0: none."""
    return max((int(row[STEP]) for row in read_rows(directory / NAME)), default=0)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a progress.csv as text, by column; what a kill cut short is left out."""
    rows = list(csv.DictReader(whole_lines(path)))
    return [
        row
        for row in rows
        if (row.get(STEP) or "").isdecimal() and None not in row and None not in row.values()
    ]


def read_curves(path: Path) -> dict[str, list[tuple[int, float]]]:
    """tag → (step, value) of each point, in the order of the rows."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in read_rows(path):
        step = int(row.pop(STEP))
        for tag, cell in row.items():
            if cell and tag != CHECKSUM:
                curves.setdefault(tag, []).append((step, float(cell)))
    return curves


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: float | None) -> str:
    """repr: the number comes back to the bit."""
    if value is None:
        return ""
    return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
