"""`--seeds N` beside N runs in turn: what two cores are worth."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from drl.bench.process import seconds
from drl.bench.result import Bar, Result, Row

AT_MOST = 0.6
STEPS = 10_000  # env steps of each run, not stopped when it is solved


def measure(repeats: int = 3, runs: int = 8, steps: int = STEPS) -> Result:
    """Seconds of both, one after the other in each repeat."""
    fixed = ("--steps", str(steps), "--solved-at", "None")
    together, in_turn = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            together.append(
                seconds("train", "dqn", *fixed, "--seeds", str(runs), "--run", str(home / "all"))
            )
            start = time.perf_counter()
            for seed in range(1, runs + 1):
                run = ("--seed", str(seed), "--run", str(home / str(seed)))
                seconds("train", "dqn", *fixed, *run)
            in_turn.append(time.perf_counter() - start)
    share = statistics.median(a / b for a, b in zip(together, in_turn, strict=True))
    row: Row = {
        "runs": runs,
        "cores": os.cpu_count(),
        f"--seeds {runs}": statistics.median(together),
        "in turn": statistics.median(in_turn),
        "share": share,
    }
    about = f"Seconds for {runs} CartPole runs of {steps:,} env steps, whole processes."
    bar = Bar(f"--seeds {runs}, share of {runs} runs in turn", share, AT_MOST, at_least=False)
    return Result("seeds", about, [row], [bar])
