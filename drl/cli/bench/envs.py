"""Our worlds beside the same stepped one by one: microseconds for a step of 16.

    ratio = SyncVectorEnv of 16 single worlds / ours

For CartPole the single world is Gymnasium's own; for the others ours, registered with Gymnasium.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from drl.cli.bench_step import interleaved
from drl.cli.console import Console

WORLDS = 16
CALLS = 100  # in each repeat


def measure(repeats: int, quiet: bool = False) -> dict[str, Any]:
    """Medians over interleaved repeats, and the median of the pairs' ratios."""
    import gymnasium as gym

    from envs import make, registration

    console = Console(quiet)
    console.print(f"{'world':<24}{'ours':>9}{'sync':>9}{'sync / ours':>14}")
    rows = []
    for id in registration.IDS:
        beside = "CartPole-v1" if id == "drl/CartPole-v1" else id
        ours = make("CartPole-v1" if id == "drl/CartPole-v1" else id, WORLDS, 0, compiled=True)
        sync: Any = gym.make_vec(beside, WORLDS, vectorization_mode="sync")
        ours.reset()
        sync.reset(seed=0)
        times = interleaved(
            {"ours": stepper(ours.step, ours.actions), "sync": stepper(sync.step, ours.actions)},
            repeats, CALLS,
        )  # fmt: skip
        ratio = statistics.median(s / o for s, o in zip(times["sync"], times["ours"], strict=True))
        us = {name: statistics.median(values) for name, values in times.items()}
        rows.append({"world": id, "us": us, "ratio": ratio})
        console.print(f"{id:<24}{us['ours']:>9.1f}{us['sync']:>9.1f}{ratio:>14.1f}")
    console.print(f"µs for one step of {WORLDS} worlds with random actions, medians")
    return {"bench": "envs", "rows": rows, "repeats": repeats}


def stepper(step: Callable[[np.ndarray], Any], actions: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    drawn = iter(rng.integers(actions, size=(10**5, WORLDS)))
    return lambda: step(next(drawn))
