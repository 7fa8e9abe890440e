"""Whether a machine has room for what fills as an agent learns.  The system has promised the memory
already, and kills the process that uses it."""

from __future__ import annotations

import math

import numpy as np

from agents.memory.replay import ReplayBuffer
from drl.nn import Network, memory
from drl.nn.memory import GIB, require_memory

BESIDE = 0.8  # of a machine's memory: what else there is needs some


def require_room_for_replay(replay: ReplayBuffer) -> None:
    """MemoryError where the memory does not fit once it is full, with the size that would."""
    batch = replay.nbytes - int(replay.rows * replay.bytes_each)
    require_memory(batch, f"a batch of {replay.batch_size:,}", "a smaller `batch_size`")
    if replay.nbytes > memory.physical_memory():
        raise no_room(replay.bytes_each, replay.rows)


def no_room(bytes_each: float, rows: int) -> MemoryError:
    """What is said of a replay memory of so many transitions, of so many bytes each."""
    fit, needed, there = fitting(bytes_each, rows), bytes_each * rows, memory.physical_memory()
    has = (
        f"this machine has {there / GIB:,.1f}" if needed > there else "more than there is room for"
    )
    fits = f", {fit:,} would fit" if fit else ""
    return MemoryError(
        f"the replay memory of {rows:,} transitions takes {needed / GIB:,.1f} GiB, {has}: give a "
        f"smaller `buffer_size`{fits}"
    )


def fitting(bytes_each: float, most: int) -> int:
    """Transitions of so many bytes that a machine has room for, beside all else, in two digits, and
    fewer than `most`; 0: none.   What a process may take can be less than what there is: it is
    tried."""
    count = int(min(most - 1, BESIDE * memory.physical_memory() / bytes_each))
    while count > 0:
        try:
            np.empty(int(count * bytes_each), np.uint8)
        except MemoryError:
            count //= 2
        else:
            break
    digits = 10 ** max(0, len(str(count)) - 2)
    return int(count // digits * digits)


def require_room_for_pass(net: Network, rows: int, each: int = 1, more: int = 0) -> None:
    """MemoryError where the outputs of all layers do not fit.

    rows  of a minibatch
    each  times that a layer computes a row: fractions of IQN
    more  numbers for a row besides
    """
    numbers = sum(math.prod(shape) for _, _, shape in net.stages()) * each + more
    require_memory(
        rows * numbers * net.ops.dtype.itemsize,
        f"one pass through the network with a batch of {rows:,}", "a smaller `batch_size`",
    )  # fmt: skip
