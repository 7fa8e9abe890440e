"""DQN, each part of the family alone, and Rainbow: what each is worth, over seeds.

Each run is a process of its own with the environment's preset, its schedules shortened in
proportion to the budget, and only the part changed.  The score is the last policy's mean return
over 100 greedy episodes that no run has seen: what a user has who trains for so long and stops.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drl.bench.process import drl
from drl.display.console import Console
from drl.files import write_atomic
from drl.statistics import bootstrap_interval, interquartile_mean

ENVS = {"CartPole-v1": 20_000, "Acrobot-v1": 50_000, "MinAtar/Breakout-v1": 100_000}  # env steps
# what each part is added to: Mnih et al. 2015
DQN: dict[str, str | None] = {"--bootstrap": "max", "--n-step": "1"}
PARTS: dict[str, dict[str, str | None]] = {
    "DQN": {},
    "Double": {"--bootstrap": "double"},
    "Munchausen": {"--bootstrap": "munchausen"},
    "Dueling": {"--dueling": None},
    "Prioritized": {"--prioritized": None},
    "3-step": {"--n-step": "3"},
    "Noisy": {"--noisy": None},
    "C51": {"--head": "c51"},
    "QR-DQN": {"--head": "qr"},
    "IQN": {"--head": "iqn"},
}
RAINBOW = "Rainbow"  # not added to DQN: its own preset of all its parts


class Job(NamedTuple):
    env: str
    variant: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.env}-{self.variant}-{self.seed}".replace("/", "-")


def measure(
    seeds: int, first_seed: int, out: Path, jobs: int, quiet: bool = False
) -> dict[str, Any]:
    """Run what `out` does not hold yet, then table, ablation.json, ablation.md and ablation.png.

    jobs  runs at a time
    """
    console = Console(quiet)
    out.mkdir(parents=True, exist_ok=True)
    todo = [
        Job(env, variant, seed)
        for seed in range(first_seed, first_seed + seeds)  # all variants with one seed first
        for env in ENVS
        for variant in (*PARTS, RAINBOW)
    ]
    with ThreadPoolExecutor(jobs) as pool:
        scores = dict(zip(todo, pool.map(lambda job: score(job, out), todo), strict=True))
    rows = list(_rows(scores))
    table = markdown(rows, seeds)
    console.print(table)
    write_atomic(out / "ablation.json", json.dumps(rows, indent=2).encode())
    write_atomic(out / "ablation.md", table.encode())
    image = _plot(rows, out / "ablation.png")
    console.print(f"table and plot: {out}" if image else f"table: {out} (no matplotlib, no plot)")
    return {"bench": "ablation", "rows": rows, "seeds": seeds}


def score(job: Job, out: Path) -> float:
    """The last policy's mean return; a run that is there already is not run again."""
    done = out / f"{job.name}.json"
    if not done.is_file():
        run = out / job.name
        if not (run / "summary.json").is_file():
            drl("train", "dqn", "--run", str(run), *flags(job))
        write_atomic(done, json.dumps(drl("evaluate", str(run), "--policy", "last")).encode())
    mean: float = json.loads(done.read_text(encoding="utf-8"))["mean_reward"]
    return mean


def flags(job: Job) -> Iterator[str]:
    """The command line of one run."""
    budget = ENVS[job.env]
    changed: dict[str, str | None] = {
        "--env": job.env,
        "--seed": str(job.seed),
        "--steps": str(budget),
        "--solved-at": "None",
        "--eval-every": str(budget // 10),
        "--log": "minimal",
    }
    changed |= {"--rainbow": None} if job.variant == RAINBOW else DQN | PARTS[job.variant]
    for name, value in changed.items():
        yield name
        if value is not None:
            yield value


def markdown(rows: list[dict[str, Any]], seeds: int) -> str:
    """A line per variant, a column per environment: IQM (95 % interval)."""
    steps = ", ".join(f"{env} {budget:,}" for env, budget in ENVS.items())
    lines = [
        f"Last policy, 100 greedy episodes, {seeds} seeds: interquartile mean (95 % bootstrap "
        f"interval).  Env steps: {steps}.",
        "",
        "| variant | " + " | ".join(ENVS) + " |",
        "|---" * (len(ENVS) + 1) + "|",
    ]
    for variant in (*PARTS, RAINBOW):
        cells = [_cell(r) for env in ENVS for r in rows if r["at"] == [env, variant]]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any]) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:.1f}, {row['high']:.1f})"
    return f"{row['iqm']:.1f}{interval}"


def _rows(scores: dict[Job, float]) -> Iterator[dict[str, Any]]:
    for env in ENVS:
        for variant in (*PARTS, RAINBOW):
            at = (env, variant)
            values = np.array([v for job, v in scores.items() if (job.env, job.variant) == at])
            low, high = bootstrap_interval(values) if len(values) > 1 else (None, None)
            yield {
                "at": list(at), "scores": values.tolist(), "iqm": float(interquartile_mean(values)),
                "low": low, "high": high,
            }  # fmt: skip


def _plot(rows: list[dict[str, Any]], out: Path) -> bool:
    """A panel per environment: a dot per variant at its IQM, a line for the interval, ticks the
    seeds."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return False
    figure = Figure(figsize=(4.5 * len(ENVS), 4.2), layout="constrained")
    for ax, env in zip(figure.subplots(1, len(ENVS), sharey=True), ENVS, strict=True):
        for y, row in enumerate(r for r in rows if r["at"][0] == env):
            ax.plot(row["scores"], [y] * len(row["scores"]), "|", color="0.6")
            if row["low"] is not None:
                ax.plot([row["low"], row["high"]], [y, y], color="C0", linewidth=3, alpha=0.4)
            ax.plot(row["iqm"], y, "o", color="C0")
        ax.set(title=f"{env}, {ENVS[env]:,} env steps", xlabel="return of the last policy")
        ax.set_yticks(range(len(PARTS) + 1), [*PARTS, RAINBOW])
        ax.grid(axis="x", alpha=0.3)
    figure.axes[0].invert_yaxis()
    figure.savefig(out, dpi=120)
    return True
