"""Whether a machine has room for what fills as an agent learns.  The system has promised the memory
already, and kills the process that uses it."""

from __future__ import annotations

import math

from agents.memory.replay import ReplayBuffer
from drl.nn import Network
from drl.nn.memory import require_memory


def require_room_for_replay(replay: ReplayBuffer) -> None:
    """MemoryError where the memory does not fit once it is full."""
    require_memory(
        replay.nbytes, f"the replay memory of {replay.buffer_size:,} transitions",
        "a smaller `buffer_size`",
    )  # fmt: skip


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
