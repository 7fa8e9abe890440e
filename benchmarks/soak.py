"""Half an hour of CartPole without stopping: does memory stay flat, and how fast do events grow?

python benchmarks/soak.py [SECONDS]        Linux; prints a line a minute and a verdict
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPLAY_FULL = 60_000  # env steps; the memory holds 50,000


def resident(pid: int) -> float:
    """MiB of the process that are in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmRSS")


def env_steps(run: Path) -> int:
    """Of the newest checkpoint."""
    return max((int(p.stem.split("-")[1]) for p in run.glob("checkpoints/step-*")), default=0)


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        command = [sys.executable, "-m", "drl", "train", "dqn", "--run", str(run)]
        process = subprocess.Popen(
            [*command, "--solved-at", "None", "--steps", "10000000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        start, full, now = time.monotonic(), 0.0, 0.0
        try:
            while (passed := time.monotonic() - start) < seconds:
                time.sleep(min(60.0, seconds - passed))
                now = resident(process.pid)
                passed = time.monotonic() - start
                if not full and env_steps(run) >= REPLAY_FULL:
                    full = now
                events = sum(p.stat().st_size for p in run.glob("events*"))
                print(
                    f"{passed:6.0f} s  {env_steps(run):9,} env steps  {now:8.2f} MiB  "
                    f"events {events / 1e6:.2f} MB", flush=True,
                )  # fmt: skip
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        growth = (now / full - 1) * 100
        print(f"RSS grew {growth:+.2f} % after the replay was full (bar: < 1 %)")
        print(f"events: {events / passed * 3600 / 1e6:.1f} MB an hour")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1800.0)
