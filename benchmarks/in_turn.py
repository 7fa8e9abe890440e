"""Trainings in turn, ours and Stable-Baselines3's, of the same seeds: how much longer theirs take.

What beside_sb3.py, ppo_beside_sb3.py and sac_beside_sb3.py have in common.  Imported first: it sets
the threads.
"""

from __future__ import annotations

import os

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ |= THREADS  # numpy and torch read them when they are imported

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

from torch import set_num_threads  # noqa: E402

from agents.row import Preset  # noqa: E402
from drl import Result, train  # noqa: E402

NEVER = 10**9  # env steps


class Counted(NamedTuple):
    """What both sides must have alike."""

    env_steps: int
    updates: int
    parameters: int


class Trained(NamedTuple):
    """Of one training: seconds of the loop, and who has learnt."""

    seconds: float
    counted: Counted
    policy: Any


class Pairs(NamedTuple):
    """Trainings with the same settings, a pair for each seed."""

    ours: list[Trained]
    theirs: list[Trained]

    @property
    def counted(self) -> Counted:
        return self.ours[0].counted

    @property
    def seconds(self) -> list[tuple[float, float]]:
        """Ours and theirs, of each seed."""
        return [(a.seconds, b.seconds) for a, b in zip(self.ours, self.theirs, strict=True)]

    @property
    def medians(self) -> tuple[float, float]:
        """Seconds of ours, of theirs."""
        mine, its = zip(*self.seconds, strict=True)
        return statistics.median(mine), statistics.median(its)

    @property
    def ratio(self) -> float:
        """Theirs to ours, the median over the pairs."""
        return statistics.median(its / mine for mine, its in self.seconds)


Side = Callable[[str, Preset, int], Trained]
"""A training in an environment, with settings, by a seed."""


def in_turn(env: str, settings: Preset, ours: Side, theirs: Side, repeats: int) -> Pairs:
    """A training of each side for every seed from 0 on.   RuntimeError where they are not of the
    same size."""
    pairs = Pairs([], [])
    for seed in range(repeats):
        mine, its = ours(env, settings, seed), theirs(env, settings, seed)
        if mine.counted != its.counted:
            raise RuntimeError(f"ours has {mine.counted}, theirs {its.counted}")
        pairs.ours.append(mine)
        pairs.theirs.append(its)
    return pairs


def our_side(agent: str, size: Callable[[Result], int] = lambda result: result.net.size) -> Side:
    """As `drl train AGENT` trains.   size: of its networks, in parameters"""

    def ours(env: str, settings: Preset, seed: int) -> Trained:
        with tempfile.TemporaryDirectory() as scratch:
            result = train(
                agent, env, settings.config, experiment=settings.experiment, seed=seed,
                run=Path(scratch) / "run", progress=False,
            )  # fmt: skip
        done = result.summary
        counted = Counted(done["env_steps"], done["updates"], size(result))
        return Trained(done["seconds"], counted, result.policy)

    return ours


def their_seconds(model: Any, steps: int) -> float:
    """Of `learn`."""
    start = time.perf_counter()
    model.learn(steps)
    return time.perf_counter() - start


def verdict(ratio: float, bar: float) -> str:
    return "met" if ratio >= bar else "missed"


def quiet() -> None:
    """One thread; what the other packages warn of is not ours to say."""
    set_num_threads(1)
    warnings.filterwarnings("ignore", module="gymnasium|stable_baselines3")


def main(
    doc: str | None, bars: Mapping[str, tuple[int, float]],
    settings_of: Callable[[str, int], Preset], ours: Side, theirs: Side,
    besides: Callable[[str, Pairs], dict[str, Any]] = lambda env, pairs: {},
) -> None:  # fmt: skip
    """The command of a benchmark: a line for each environment, and its figures in a file.

    bars      env: what `settings_of` takes of its length, and the least ratio that is asked for
    besides   what else is to be said of the trainings in an environment: printed, and given
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(bars))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    quiet()
    found: dict[str, Any] = {}
    columns = f"{'env steps':>10}{'updates':>9}{'ours, s':>9}{'SB3, s':>9}{'ratio':>7}{'bar':>6}"
    print(f"{'env':<22}{columns}")
    for env in args.envs or bars:
        length, bar = bars[env]
        pairs = in_turn(env, settings_of(env, length), ours, theirs, args.repeats)
        counted, (mine, its) = pairs.counted, pairs.medians
        print(
            f"{env:<22}{counted.env_steps:>10,}{counted.updates:>9,}{mine:>9.2f}{its:>9.2f}"
            f"{pairs.ratio:>7.2f}{bar:>6g}  {verdict(pairs.ratio, bar)}", flush=True,
        )  # fmt: skip
        found[env] = {
            "pairs": pairs.seconds, "ratio": pairs.ratio, "bar": bar,
            "env_steps": counted.env_steps, "updates": counted.updates, **besides(env, pairs),
        }  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
