"""Our environments beside the same stepped one by one: microseconds for a step of 16.

    ratio = SyncVectorEnv of 16 single environments / ours

The single environment is Gymnasium's own where it has one; else ours, registered with Gymnasium.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, ratio
from drl.nn.compiled import numba_there

ENVS = 16
AT_LEAST, AT_LEAST_NUMPY = 10.0, 5.0


def measure(repeats: int = 15, seconds: float = 0.05) -> Result:
    """Medians in µs over interleaved repeats, and the median of the pairs' ratios."""
    import gymnasium as gym

    from envs import make, registration

    rows: list[Row] = []
    for id in registration.IDS:
        theirs = id.removeprefix("drl/")
        envs: dict[str, Any] = {
            "ours": make(id, ENVS, 0, compiled=True),
            "numpy alone": make(id, ENVS, 0),
            "sync": gym.make_vec(
                theirs if theirs in gym.registry else id, ENVS, vectorization_mode="sync"
            ),
        }
        for env in envs.values():
            env.reset()
        drawn = actions(envs["ours"].action_space)
        times = interleaved(
            {name: stepper(env.step, drawn) for name, env in envs.items()}, repeats, seconds
        )
        rows.append({
            "env": id, **{name: median(taken) * 1e6 for name, taken in times.items()},
            "sync / ours": ratio(times["sync"], times["ours"]),
            "sync / numpy alone": ratio(times["sync"], times["numpy alone"]),
        })  # fmt: skip
    rows.append(in_processes(repeats, seconds))
    about = (
        f"µs for one step of {ENVS} environments with random actions.  ours: compiled where numba "
        "is there and the environment has a loop; sync: Gymnasium's SyncVectorEnv.  Last: "
        "Gymnasium's kind, a step of 1 ms, in this process and by --env-workers."
    )
    bars = []
    for name, least in (("ours", AT_LEAST), ("numpy alone", AT_LEAST_NUMPY)):
        ratios = {row["env"]: row[f"sync / {name}"] for row in rows[:-1]}
        bars += [Bar(f"{id}: sync / {name}", value, least) for id, value in ratios.items()]
    notes = [] if numba_there() else ["numba: not here (the extra `fast`), so ours is numpy alone"]
    return Result("envs", about, rows, bars, notes)


def in_processes(repeats: int, seconds: float) -> Row:
    """An environment of 1 ms a step, in this process and in as many as there are cores."""
    from envs import source

    cores = os.cpu_count() or 1
    make = source("drl.bench.slow:Slow")
    envs = {"one process": make(num_envs=ENVS, seed=0)}
    try:
        envs["workers"] = make(num_envs=ENVS, seed=0, workers=cores)
        for env in envs.values():
            env.reset()
        drawn = actions(envs["workers"].action_space)
        times = interleaved(
            {name: stepper(env.step, drawn) for name, env in envs.items()}, repeats, seconds
        )
    finally:
        for env in envs.values():
            env.close()
    return {
        "env": f"1 ms a step, {cores} workers",
        **{name: median(taken) * 1e6 for name, taken in times.items()},
        "one process / workers": ratio(times["one process"], times["workers"]),
    }


def actions(space: Any) -> np.ndarray:
    """Random ones for 1,000 steps: (1000, ENVS, *action shape)."""
    space.seed(0)
    return np.array([[space.sample() for _ in range(ENVS)] for _ in range(1_000)])


def stepper(step: Callable[[np.ndarray], Any], drawn: np.ndarray) -> Callable[[], Any]:
    each = cycle(drawn)
    return lambda: step(next(each))
