"""Our environments beside the same stepped one by one: microseconds for a step of 16.

    ratio = SyncVectorEnv of 16 single environments / ours

For CartPole the single environment is Gymnasium's own; for the others ours, registered with
Gymnasium.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, ratio

ENVS = 16
AT_LEAST = 10.0


def measure(repeats: int = 15, seconds: float = 0.05) -> Result:
    """Medians in µs over interleaved repeats, and the median of the pairs' ratios."""
    import gymnasium as gym

    from envs import make, registration

    rows: list[Row] = []
    for id in registration.IDS:
        beside = "CartPole-v1" if id == "drl/CartPole-v1" else id
        ours: Any = make(id, ENVS, 0, compiled=True)
        sync: Any = gym.make_vec(beside, ENVS, vectorization_mode="sync")
        count = ours.action_space.n
        ours.reset()
        sync.reset(seed=0)
        times = interleaved(
            {"ours": stepper(ours.step, count), "sync": stepper(sync.step, count)},
            repeats, seconds,
        )  # fmt: skip
        rows.append({
            "env": id,
            "ours": median(times["ours"]) * 1e6,
            "sync": median(times["sync"]) * 1e6,
            "sync / ours": ratio(times["sync"], times["ours"]),
        })  # fmt: skip
    about = (
        f"µs for one step of {ENVS} environments with random actions.  ours: compiled where numba "
        "is there; sync: Gymnasium's SyncVectorEnv."
    )
    bars = [Bar(f"{row['env']}: sync / ours", row["sync / ours"], AT_LEAST) for row in rows]
    return Result("envs", about, rows, bars)


def stepper(step: Callable[[np.ndarray], Any], actions: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    drawn = cycle(rng.integers(actions, size=(10_000, ENVS)))
    return lambda: step(next(drawn))
