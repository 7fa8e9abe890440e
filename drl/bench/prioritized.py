"""Prioritized replay beside the gradient step that it feeds."""

from __future__ import annotations

import math

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig
from agents.memory.prioritized import PrioritizedSampler
from drl.bench.filled import ACTIONS, INPUTS, build, fill
from drl.bench.floor import bandwidth
from drl.bench.result import Bar, Result
from drl.bench.timing import interleaved, median, one_thread, ratio
from drl.nn.ops_compiled import load_loops

HIDDEN, BATCH = (128, 128), 128
ENVS = 1000  # that fill the memory
AT_MOST = 0.25  # of the step


def measure(repeats: int = 15, seconds: float = 0.05, stored: int = 100_000) -> Result:
    """Medians in µs of sampling with the update of the priorities, and of the step."""
    prioritized, uniform = agent(stored, True), agent(stored, False)
    load_loops(uniform.ops)  # both as they are some seconds into a training
    assert isinstance(prioritized.replay.sampler, PrioritizedSampler)
    prioritized.replay.sampler.tree.load_loop()
    errors = np.random.default_rng(0).random(BATCH).astype(np.float32)
    batch = prioritized.replay.sample()

    def sample_and_update() -> None:
        drawn = prioritized.replay.sample()
        prioritized.replay.update_priorities(drawn, lambda: errors)

    contenders = {
        "prioritized": sample_and_update,
        "uniform": uniform.replay.sample,
        "step": lambda: uniform.learn_from(batch),
    }
    with one_thread():
        times = interleaved(contenders, repeats, seconds)
    # a leaf is found, and changed, along a path of the smallest tree there is: one of two children
    moved = BATCH * (2 * INPUTS * 4 + 3 * 4 + 2 * 8 * math.ceil(math.log2(stored)))
    floor = moved / bandwidth(moved)
    share = ratio(times["prioritized"], times["step"])
    us = {name: median(values) * 1e6 for name, values in times.items()}
    row = {
        "leaves, batch": f"{stored:,}, {BATCH}",
        "sample + update": us["prioritized"],
        "uniform sample": us["uniform"],
        "floor": floor * 1e6,
        "the step it feeds": us["step"],
        "share": share,
    }
    about = (
        f"µs.  Step: {'-'.join(map(str, (INPUTS, *HIDDEN, ACTIONS)))} without sampling.  Floor: "
        "the bytes of the batch and of a binary tree's paths over the measured bandwidth."
    )
    bar = Bar("sample + update, share of the step", share, AT_MOST, at_least=False)
    return Result("prioritized", about, [row], [bar])


def agent(stored: int, prioritized: bool) -> DQN:
    """An agent whose memory is full."""
    config = DQNConfig(
        hidden=HIDDEN, batch_size=BATCH, buffer_size=stored, bootstrap="max",
        prioritized=prioritized,
    )  # fmt: skip
    dqn = build(config, ENVS)
    fill(dqn, ENVS, -(-stored // ENVS), fails=0.0)
    return dqn
