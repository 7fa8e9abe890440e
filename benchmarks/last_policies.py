"""What the last policy of a training is worth, over seeds not used before, and how late ones stood.

python benchmarks/last_policies.py [CartPole-v1 "ppo Acrobot-v1" …] [--seeds S …] [--file FILE]
    [--runs DIR] [-- further flags of drl train]

Each seed: `drl train AGENT --env E --seed S --steps N --solved-at None`, where the agent is dqn
unless it stands before the environment, then `drl evaluate RUN` of the best and of the last policy:
100 episodes that nobody has seen, from the same start states for all seeds.  late: the greedy
evaluations of the second half of the training.  CartPole besides: env steps, and seconds of the
whole process, of `drl train AGENT --seed S` as it is, until solved.

--runs keeps the runs, and does not train again what is finished there.

The file (last_policies.json) is written after each seed, and a seed that is in it is not run again:
delete it to measure anew.  RESULTS.md's part between the marks below is made from it.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drl.bench.process import drl
from drl.bench.result import Bar, Result
from drl.experiment.results import curve
from drl.experiment.run import Run
from drl.files import write_atomic
from drl.statistics import bootstrap_interval
from drl.tables import RL

HERE = Path(__file__).parent
BEGIN, END = "<!-- last policies: begin -->", "<!-- last policies: end -->"
Seed = dict[str, Any]  # what came of one


@dataclass(frozen=True)
class Bars:
    """What was asked for; None: nothing."""

    reach: tuple[float, int] | None = None  # a score, and how many last policies have it
    low: tuple[float, float] | None = None  # a score, and the share of late evaluations under it
    mean: float | None = None  # of the last policies
    worst: float | None = None  # of them
    best: float | None = None  # mean of the best policies
    to_solved: float | None = None  # env steps, the median: what it was before
    seconds: float | None = None  # until solved, the median


@dataclass(frozen=True)
class Experiment:
    """Settings fixed beforehand, seeds not used before."""

    steps: int
    seeds: list[int]
    bars: Bars
    flags: list[str] = field(default_factory=list)  # of drl train dqn


EXPERIMENTS = {
    "CartPole-v1": Experiment(
        50_000, [*range(9_000, 9_040)], Bars(reach=(475, 39), low=(400, 0.01), to_solved=1_760)
    ),
    "LunarLander-v3": Experiment(
        300_000, [*range(9_102, 9_108)], Bars(mean=240, worst=150, best=260)
    ),
    "ppo CartPole-v1": Experiment(100_000, [*range(1, 21)], Bars(reach=(500, 20), seconds=3.0)),
    "ppo Acrobot-v1": Experiment(300_000, [*range(1, 11)], Bars(mean=-80, worst=-90)),
    # 25 below a near-optimal controller, which has −148.3 on these starts (tests/swing_up.py)
    "ppo Pendulum-v1": Experiment(100_000, [*range(1, 11)], Bars(mean=-173.3)),
    # 2 and 12 below that controller
    "sac Pendulum-v1": Experiment(10_000, [*range(1, 11)], Bars(mean=-150.3, worst=-154.3)),
    "td3 Pendulum-v1": Experiment(10_000, [*range(1, 6)], Bars(mean=-160.3)),
    "sac MountainCarContinuous-v0": Experiment(50_000, [*range(1, 6)], Bars(mean=94.5, worst=93)),
    "sac LunarLanderContinuous-v3": Experiment(300_000, [*range(1, 4)], Bars(mean=265)),
    "sac InvertedPendulum-v5": Experiment(100_000, [1, 2, 3], Bars(mean=1000)),
    "sac InvertedDoublePendulum-v5": Experiment(100_000, [1, 2, 3], Bars(mean=9350)),
    "pqn MinAtar/Breakout-v1": Experiment(5_000_000, [1, 2], Bars(mean=25)),
    "pqn MinAtar/Asterix-v1": Experiment(5_000_000, [1, 2], Bars(mean=25)),
    "pqn MinAtar/SpaceInvaders-v1": Experiment(5_000_000, [1, 2], Bars(mean=110)),
    "ppo MountainCar-v0": Experiment(1_000_000, [*range(1, 6)], Bars(mean=-110)),
    "ppo LunarLander-v3": Experiment(500_000, [*range(1, 6)], Bars(mean=262)),
    "ppo LunarLanderContinuous-v3": Experiment(1_000_000, [*range(1, 4)], Bars(mean=265)),
}


def one_seed(
    name: str, seed: int, experiment: Experiment, flags: list[str], runs: Path | None = None
) -> Seed:
    """All that is measured of one seed."""
    agent, _, env = name.rpartition(" ")
    agent = agent or "dqn"
    train = ("train", agent, "--env", env, "--seed", str(seed), "--log", "minimal", *flags)
    found: Seed = {"seed": seed}
    with tempfile.TemporaryDirectory() as scratch:
        if experiment.bars.to_solved or experiment.bars.seconds:
            began = time.monotonic()
            summary = drl(*train, "--run", f"{scratch}/solved")
            found |= {"solved": summary["solved"], "env steps": summary["env_steps"]}
            if experiment.bars.seconds:
                found["seconds"] = round(time.monotonic() - began, 2)
        run, steps = (runs or Path(scratch)) / f"{agent}-{env}-{seed}", experiment.steps
        if not run.exists():
            drl(*train, "--run", str(run), "--steps", str(steps), "--solved-at", "None")
        elif not finished(run):  # it was stopped on the way
            drl("resume", str(run))
        for policy in ("best", "last"):
            found[policy] = drl("evaluate", str(run), "--policy", policy)["mean_reward"]
        at, means = curve(run, RL.curve)
        found["late"] = np.round(means[at > steps // 2], 1).tolist()
    return found


def finished(directory: Path) -> bool:
    with Run.open(directory) as run:
        return run.finished


def result(env: str, rows: list[Seed]) -> Result:
    """The rows, held against the bars."""
    experiment, columns = EXPERIMENTS[env], ("seed", "env steps", "seconds", "best", "last")
    bars, last = experiment.bars, [row["last"] for row in rows]
    late = [mean for row in rows for mean in row["late"]]
    held = []
    if bars.reach:
        score, count = bars.reach
        held.append(Bar(f"last ≥ {score:g}, seeds", sum(x >= score for x in last), count))
    if bars.low:
        score, share = bars.low
        under = sum(x < score for x in late) / len(late)
        held.append(Bar(f"share of late evaluations under {score:g}", under, share, at_least=False))
    if bars.to_solved:
        median = statistics.median(row["env steps"] for row in rows)
        held.append(Bar("env steps to solved, median", median, bars.to_solved, at_least=False))
    if bars.seconds:
        median = statistics.median(row["seconds"] for row in rows)
        held.append(Bar("seconds to solved, median", median, bars.seconds, at_least=False))
    if bars.mean:
        held.append(Bar("last, mean", statistics.mean(last), bars.mean))
    if bars.worst:
        held.append(Bar("last, lowest", min(last), bars.worst))
    if bars.best:
        held.append(Bar("best, mean", statistics.mean(row["best"] for row in rows), bars.best))
    notes = []
    for name in ("best", "last"):
        values = [row[name] for row in rows]
        notes.append(
            f"{name}: mean {statistics.mean(values):.1f}{interval(values)}, "
            f"median {statistics.median(values):.1f}, lowest {min(values):.1f}"
        )
    about = (
        f"`python benchmarks/last_policies.py {shlex.quote(env)}`: {experiment.steps:,} env steps, "
        f"{len(rows)} seeds.  best, last: mean of 100 episodes of that policy; late: lowest "
        "evaluation of the second half."
    )
    shown = [
        {name: row[name] for name in columns if name in row} | {"late": min(row["late"])}
        for row in rows
    ]
    return Result(env, about, shown, held, notes)


def interval(values: list[float]) -> str:
    """Of the mean, in words; none of a single value."""
    if len(values) < 2:
        return ""
    low, high = bootstrap_interval(np.array(values), statistic=lambda x: x.mean(axis=-1))
    return f" (95 % interval {low:.1f} to {high:.1f})"


def markdown(found: dict[str, list[Seed]]) -> str:
    return "\n\n".join(
        f"### {env}\n\n{result(env, rows).markdown()}" for env, rows in found.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--file", type=Path, default=HERE / "last_policies.json")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    args, flags = parser.parse_args(words[:end]), words[end + 1 :]
    found = json.loads(args.file.read_text("utf-8")) if args.file.exists() else {}
    for env in args.envs or EXPERIMENTS:
        experiment, rows = EXPERIMENTS[env], found.setdefault(env, [])
        for seed in args.seeds or experiment.seeds:
            if seed not in {row["seed"] for row in rows}:
                rows.append(one_seed(env, seed, experiment, flags, args.runs))
                rows.sort(key=lambda row: row["seed"])
                write_atomic(args.file, json.dumps(found, indent=1).encode())
        print(f"{env}\n{result(env, rows).text()}\n", flush=True)
    if args.file == HERE / "last_policies.json":
        page = HERE / "RESULTS.md"
        before, begin, rest = page.read_text("utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"{page} has not the marks {BEGIN} and {END}")
        write_atomic(page, f"{before}{BEGIN}\n{markdown(found)}\n{END}{after}".encode())


if __name__ == "__main__":
    main()
