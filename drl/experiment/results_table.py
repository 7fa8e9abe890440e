"""Results over seeds as a table of text."""

from __future__ import annotations

from typing import Any

from drl.display.console import Console


def print_table(rows: list[dict[str, Any]], console: Console) -> None:
    """A table: what has been learnt, by whom and with which settings; seeds, metric, mean, IQM with
    interval, seconds, steps."""
    table = [
        ("", "runs", "metric", "mean", "IQM", "95 % interval", "seconds", "steps"),
        *((
            row["group"], str(len(row["seeds"])), row["metric"],
            _number(row["mean"]), _number(row["iqm"]),
            "–" if row["low"] is None else f"{_number(row['low'])} … {_number(row['high'])}",
            f"{row['seconds']:.2f}", f"{row['steps']:,.0f}",
        ) for row in rows),
    ]  # fmt: skip
    width = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for name, runs, metric, *numbers in table:
        cells = [f"{name:<{width[0]}}", f"{runs:>{width[1]}}", f"{metric:<{width[2]}}"]
        cells += [f"{cell:>{w}}" for cell, w in zip(numbers, width[3:], strict=True)]
        console.print("  ".join(cells))


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
