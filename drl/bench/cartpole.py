"""CartPole from the command line to "solved", over seeds, each run a process of its own.

Three results, which are not the same: how soon a first policy passes (mean ≥ 475 over 100 greedy
episodes), whether that policy passes again on episodes nobody has seen, and what the last policy
is worth after a fixed 50,000 env steps without stopping.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from drl.bench.process import drl
from drl.bench.result import Bar, Result, Row
from drl.experiment.results import curve
from drl.tables import RL

FIXED_STEPS = 50_000
LATE_STEPS = 20_000  # the evaluations of the last so many env steps are looked at
THRESHOLD = 475.0
MEDIAN, WORST = 1.5, 6.0  # seconds at most
CHECK_SEED = 10_000  # evaluate --seed; evaluation streams are apart from training's by themselves


def measure(seeds: int = 20, first_seed: int = 0) -> Result:
    """The figures of every seed, and what they come to."""
    rows = []
    for seed in range(first_seed, first_seed + seeds):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(one_seed(seed, Path(scratch)))
    solved = sum(row["solved"] == "yes" and row["again"] >= THRESHOLD for row in rows)
    seconds = [row["seconds"] for row in rows]
    bars = [
        Bar("solved, and confirmed on other episodes: seeds", solved, seeds),
        Bar("command to solved, median s", statistics.median(seconds), MEDIAN, at_least=False),
        Bar("command to solved, worst s", max(seconds), WORST, at_least=False),
    ]
    last = sum(row["last"] >= THRESHOLD for row in rows)
    fell = sum(row["worst late evaluation"] < 400 for row in rows)
    notes = [
        f"last policy ≥ 475: {last} of {seeds}; a late evaluation under 400: {fell} of {seeds}"
    ]
    about = (
        "seconds, env steps, updates: until solved, the whole process; again: that policy on other "
        f"episodes; last: the last policy of a run of {FIXED_STEPS:,} env steps; late evaluations: "
        f"of its last {LATE_STEPS:,}."
    )
    return Result("cartpole", about, rows, bars, notes)


def one_seed(seed: int, scratch: Path) -> Row:
    """Solve, score again, then the fixed budget; `seconds` is the whole solving process."""
    run, fixed = scratch / "solve", scratch / "fixed"
    start = time.perf_counter()
    summary = drl("train", "dqn", "--seed", str(seed), "--run", str(run))
    seconds = time.perf_counter() - start
    again = drl("evaluate", str(run), "--seed", str(CHECK_SEED + seed))
    drl(
        "train", "dqn", "--seed", str(seed), "--run", str(fixed), "--solved-at", "None",
        "--steps", str(FIXED_STEPS),
    )  # fmt: skip
    last = drl("evaluate", str(fixed), "--policy", "last", "--seed", str(CHECK_SEED + seed))
    steps, means = curve(fixed, RL.curve)
    late = means[steps > FIXED_STEPS - LATE_STEPS]
    return {
        "seed": seed,
        "seconds": seconds,
        "solved": "yes" if summary["solved"] else "no",
        "env steps": summary["env_steps"],
        "updates": summary["updates"],
        "again": again["mean_reward"],
        "last": last["mean_reward"],
        "worst late evaluation": float(late.min()),
    }
