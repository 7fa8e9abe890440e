"""What a benchmark found: rows, and the bars that they are held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]  # column → text, or a number; None where a contender is missing


@dataclass(frozen=True)
class Bar:
    """A figure, and what was asked of it: at least (or at most) `bar`."""

    what: str
    measured: float
    bar: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.measured >= self.bar if self.at_least else self.measured <= self.bar

    def __str__(self) -> str:
        verdict = "met" if self.met else "missed"
        sign = "≥" if self.at_least else "≤"
        return f"{self.what}: {number(self.measured)} ({sign} {self.bar:g}, {verdict})"


@dataclass(frozen=True)
class Result:
    """One benchmark's figures."""

    bench: str
    about: str  # what the numbers are, with their unit
    rows: list[Row]
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        plain = asdict(self)
        for bar, entry in zip(self.bars, plain["bars"], strict=True):
            entry["met"] = bar.met
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Result:
        bars = [Bar(b["what"], b["measured"], b["bar"], b["at_least"]) for b in plain["bars"]]
        return cls(plain["bench"], plain["about"], plain["rows"], bars, plain["notes"])

    def _cells(self) -> list[list[str]]:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        return [columns, *([number(row.get(name)) for name in columns] for row in self.rows)]

    def text(self) -> str:
        """For a terminal."""
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}"
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        ]
        return "\n".join([*lines, self.about, *map(str, self.bars), *self.notes])

    def markdown(self) -> str:
        """For benchmarks/RESULTS.md."""
        head, *body = (f"| {' | '.join(line)} |" for line in self._cells())
        rule = "|---" * len(self._cells()[0]) + "|"
        lines = [self.about, "", head, rule, *body, ""]
        lines += [f"- {bar}" for bar in self.bars]
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip()


def number(value: Any) -> str:
    """Three figures of a number; a text as it is; – for what is missing."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{2 if abs(value) < 10 else 1}f}"
