"""How long a user waits for the first answer: whole processes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drl.bench.process import drl, seconds
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median

HELP, EVALUATE = 0.25, 3.0  # seconds at most


def measure(repeats: int = 5) -> Result:
    """Medians in seconds of `drl --help`, and of `drl evaluate` on a solved CartPole run."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        drl("train", "dqn", "--seed", "1", "--run", str(run))
        times = interleaved(
            {
                "drl --help": lambda: seconds("--help"),
                "drl evaluate": lambda: seconds("evaluate", str(run)),
            },
            repeats, seconds=0,
        )  # fmt: skip
    rows: list[Row] = [
        {"command": name, "median": median(values), "worst": max(values)}
        for name, values in times.items()
    ]
    bars = [
        Bar(f"{row['command']}, s", row["median"], bar, at_least=False)
        for row, bar in zip(rows, (HELP, EVALUATE), strict=True)
    ]
    about = "Seconds for the whole process; evaluate: 100 greedy episodes of a solved CartPole."
    return Result("startup", about, rows, bars)
