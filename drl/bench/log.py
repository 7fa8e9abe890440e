"""What TensorBoard costs: the same CartPole run with --log none, minimal and full.

    slowdown = CPU seconds with / CPU seconds without − 1

of whole processes, which load TensorBoard's protos at their start and draw images at their end.
The three run at once on one core, so that the system gives it to them in turns of a few
milliseconds and a change of the machine's speed meets all of them: one after another they differ
by 20 %, more than what is looked for; so by less than 1 %.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from drl.bench.process import THREADS, command
from drl.bench.result import Bar, Result, Row
from drl.errors import UserError

LEVELS = ("none", "minimal", "full")
STEPS = 20_000
LENGTHS = {
    f"{STEPS:,} env steps": ("--solved-at", "None", "--steps", str(STEPS)),
    "until solved": (),
}
MOST = {"full": 0.10, "minimal": 0.02}  # slower, at most
MB = 1e6  # bytes


def measure(repeats: int = 9) -> Result:
    """Medians over repeats, each with its seed; and the events' size of the longer run."""
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("bench log holds processes on one core, which only Linux can: run it there")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the processes that we start inherit it
    try:
        one_of_each(0, LENGTHS["until solved"])  # warm-up
        rows = []
        for length, flags in LENGTHS.items():
            found = [one_of_each(seed, flags) for seed in range(1, repeats + 1)]
            rows += [row(length, level, found) for level in LEVELS]
    finally:
        os.sched_setaffinity(0, cores)
    about = "Medians over seeds; slower: the median of the pairs with the same seed."
    return Result("log", about, rows, bars(rows))


def bars(rows: list[Row]) -> list[Bar]:
    """Of each length and level, the levels that cost most first."""
    slower = {(row["run"], row["log"]): row["slower"] for row in rows}
    return [
        Bar(f"{length}: --log {level}, slower", slower[length, level], most, at_least=False)
        for length in LENGTHS
        for level, most in MOST.items()
    ]


def row(length: str, level: str, found: list[dict[str, tuple[float, float]]]) -> Row:
    """found: for each repeat, level → CPU seconds, MB."""
    return {
        "run": length,
        "log": level,
        "CPU s": statistics.median(f[level][0] for f in found),
        "slower": statistics.median(f[level][0] / f["none"][0] for f in found) - 1,
        "events, MB": statistics.median(f[level][1] for f in found),
    }


def one_of_each(seed: int, flags: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """The levels at once: CPU seconds of the process, MB of its events."""
    with tempfile.TemporaryDirectory() as scratch:
        homes = {level: Path(scratch) / level for level in LEVELS}
        started = {
            level: subprocess.Popen(
                command(
                    "train", "dqn", *flags, "--seed", str(seed), "--log", level, "--run", str(home),
                    "--json",
                ),
                env=os.environ | THREADS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for level, home in homes.items()
        }  # fmt: skip
        try:
            seconds = {level: cpu_seconds(process) for level, process in started.items()}
        finally:  # interrupted: none goes on alone
            for process in started.values():
                if process.returncode is None:
                    process.kill()
                    process.wait()
        return {level: (seconds[level], megabytes(home)) for level, home in homes.items()}


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Waits for its end."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return usage.ru_utime + usage.ru_stime


def megabytes(run: Path) -> float:
    return sum(path.stat().st_size for path in run.glob("events.*")) / MB
