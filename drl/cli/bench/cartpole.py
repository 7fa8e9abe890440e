"""CartPole from the command line to "solved", over seeds, each run a process of its own.

Three results, which are not the same: how soon a first policy passes (mean ≥ 475 over 100 greedy
episodes), whether that policy passes again on episodes nobody has seen, and what the last policy
is worth after a fixed 50,000 env steps without stopping.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from drl.cli.console import Console

FIXED_STEPS = 50_000
LATE_STEPS = 20_000  # the checks of the last so many env steps are looked at
THRESHOLD = 475.0
CHECK_SEED = 10_000  # evaluate --seed; evaluation streams are apart from training's by themselves


def measure(seeds: int, first_seed: int, quiet: bool = False) -> dict[str, Any]:
    """Run, print a table, and give the figures of every seed."""
    console = Console(quiet)
    console.print(
        f"{'seed':>4}{'seconds':>9}{'env steps':>11}{'updates':>9}{'again':>8}"
        f"{'last @50k':>11}{'worst late check':>18}"
    )
    rows = []
    for seed in range(first_seed, first_seed + seeds):
        with tempfile.TemporaryDirectory() as scratch:
            row = one_seed(seed, Path(scratch))
        rows.append(row)
        console.print(
            f"{seed:>4}{row['seconds']:>9.2f}{row['env_steps']:>11,}{row['updates']:>9,}"
            f"{row['again']:>8.1f}{row['last']:>11.1f}{row['worst_late_check']:>18.1f}"
        )
    solved = sum(row["solved"] and row["again"] >= THRESHOLD for row in rows)
    console.print(f"solved and confirmed: {solved} of {seeds}")
    for name in ("seconds", "env_steps", "updates", "again", "last"):
        values = [row[name] for row in rows]
        console.print(
            f"{name}: min {min(values):,.2f}, median {statistics.median(values):,.2f}, "
            f"max {max(values):,.2f}"
        )
    last = sum(row["last"] >= THRESHOLD for row in rows)
    fell = sum(row["worst_late_check"] < 400 for row in rows)
    console.print(
        f"last policy ≥ 475: {last} of {seeds}; a late check under 400: {fell} of {seeds}"
    )
    return {"bench": "cartpole", "solved": solved, "rows": rows}


def one_seed(seed: int, scratch: Path) -> dict[str, Any]:
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
    late = [mean for step, mean in checks(fixed) if step > FIXED_STEPS - LATE_STEPS]
    return {
        "seed": seed,
        "seconds": seconds,
        "solved": summary["solved"],
        "env_steps": summary["env_steps"],
        "updates": summary["updates"],
        "again": again["mean_reward"],
        "last": last["mean_reward"],
        "worst_late_check": min(late),
    }


def drl(*args: str) -> dict[str, Any]:
    """One command in a process of its own, on one thread; its result."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "drl.cli.main", *args, "--json"]
    done = subprocess.run(
        command, env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def checks(run: Path) -> list[tuple[int, float]]:
    """The greedy checks of a run, read back from its TensorBoard events."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return [(e.step, e.value) for e in events.Scalars("eval/mean_reward")]
