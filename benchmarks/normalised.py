"""CartPole in other units, with `normalise_obs`: is it learnt as well as in its own?

python benchmarks/normalised.py [--seeds 20] [--first-seed 1] [--only "× 1000"] [--last]
    [--file FILE]

Each seed of each row: `drl train dqn` with CartPole's preset until solved (mean ≥ 490 of 100
episodes), and that policy on 100 others; with --last besides the last policy of a run of 50,000 env
steps.  The file is written after each seed, and a seed that is in it is not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from drl.bench.process import drl
from drl.files import write_atomic
from envs.cartpole import CartPole

HERE = Path(__file__).resolve()
THRESHOLD = 475.0


class Thousandfold(CartPole):
    """Observations in thousandths of their units: mm, mrad."""

    id, factor = "CartPole, units × 1000", 1000.0

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return super().observe(rows) * np.float32(self.factor)


class Thousandth(Thousandfold):
    """Observations in thousands of their units: km, krad."""

    id, factor = "CartPole, units × 0.001", 0.001


ROWS = {
    "CartPole": ["--env", "CartPole-v1"],
    "CartPole, normalised": ["--env", "CartPole-v1", "--normalise-obs"],
    "× 1000, normalised": ["--env", f"{HERE}:Thousandfold", "--normalise-obs"],
    "× 0.001, normalised": ["--env", f"{HERE}:Thousandth", "--normalise-obs"],
    "× 1000": ["--env", f"{HERE}:Thousandfold"],
    "× 0.001": ["--env", f"{HERE}:Thousandth"],
}
Seed = dict[str, Any]


def one_seed(flags: list[str], seed: int, settings: Path, last: bool, scratch: Path) -> Seed:
    """What came of one training until solved, and of one of all steps."""
    train = ("train", "dqn", "--config", str(settings), "--log", "minimal", "--seed", str(seed))
    solved, fixed = scratch / "solved", scratch / "fixed"
    summary = drl(*train, *flags, "--run", str(solved))
    again = drl("evaluate", str(solved), "--seed", str(seed))
    found = {
        "seed": seed,
        "solved": summary["solved"],
        "env steps": summary["env_steps"],
        "again": again["mean_reward"],
    }
    if last:
        drl(*train, *flags, "--solved-at", "None", "--run", str(fixed))
        score = drl("evaluate", str(fixed), "--policy", "last", "--seed", str(seed))
        found["last"] = score["mean_reward"]
    return found


def shown(found: dict[str, list[Seed]]) -> str:
    """A table of all rows, and the seeds of each below."""
    lines = [
        "| | seeds | solved, ≥ 475 again | env steps to solved: min, median, max | "
        "last policy ≥ 475 | last: mean, lowest |",
        "|---|---|---|---|---|---|",
    ]
    for name, seeds in found.items():
        steps = [s["env steps"] for s in seeds]
        good = sum(s["solved"] and s["again"] >= THRESHOLD for s in seeds)
        last = [s["last"] for s in seeds if "last" in s]
        kept = "– | –"
        if last:
            reach = sum(score >= THRESHOLD for score in last)
            kept = f"{reach} of {len(last)} | {np.mean(last):.1f}, {min(last):.1f}"
        lines.append(
            f"| {name} | {len(seeds)} | {good} | {min(steps):,}, {statistics.median(steps):,.0f}, "
            f"{max(steps):,} | {kept} |"
        )
    for name, seeds in found.items():
        scores = [
            " and ".join(f"{s[of]:.0f}" for of in ("again", "last") if of in s) for s in seeds
        ]
        each = ", ".join(
            f"{s['env steps']:,} ({score})" for s, score in zip(seeds, scores, strict=True)
        )
        lines.append(f"\n{name}, seeds from {seeds[0]['seed']}: env steps (again, last): {each}.")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing in the file, and show all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--last", action="store_true")
    parser.add_argument("--file", type=Path, default=Path("normalised.json"))
    args = parser.parse_args()
    found: dict[str, list[Seed]] = json.loads(args.file.read_text()) if args.file.exists() else {}
    with tempfile.TemporaryDirectory() as home:
        preset = Path(home) / "run"
        drl("train", "dqn", "--log", "none", "--run", str(preset))
        measure(args, found, preset / "config.json")
    print(shown(found))


def measure(args: argparse.Namespace, found: dict[str, list[Seed]], settings: Path) -> None:
    """Seed by seed, all rows.   settings: CartPole's preset, resolved for its 50,000 env steps."""
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for name in args.only:
            seeds = found.setdefault(name, [])
            if any(one["seed"] == seed for one in seeds):
                continue
            with tempfile.TemporaryDirectory() as scratch:
                seeds.append(one_seed(ROWS[name], seed, settings, args.last, Path(scratch)))
            write_atomic(args.file, json.dumps(found, indent=1).encode())
            print(name, seeds[-1], flush=True)


if __name__ == "__main__":
    main()
