"""Which rows of a rollout come next: minibatches over several epochs.

Shapes: B rows, one for each step of each environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

BLOCK = 1024  # rows of one forward pass over a rollout: more do not stay in the cache

R = TypeVar("R", bound=Any)  # a NamedTuple of arrays (B, …), or None


def taken(columns: R, rows: np.ndarray) -> R:
    """The rows of these numbers, in this order, of every column that is there."""
    found: R = columns._make(None if x is None else x.take(rows, axis=0) for x in columns)
    return found


def minibatches(
    rows: int, size: int, epochs: int, rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray | None]]:
    """The epoch, from 0, and the numbers of the rows: every epoch goes through all of them in an
    order of its own, `size` at a time.

    The last minibatch of an epoch is smaller where `size` does not divide the rows.  None where one
    takes them all: they are in order, and nothing is drawn.
    """
    for epoch in range(epochs):
        if size >= rows:
            yield epoch, None
            continue
        order = rng.permutation(rows)
        for start in range(0, rows, size):
            yield epoch, order[start : start + size]


def uneven(n_steps: int, num_envs: int, size: int) -> list[str]:
    """A warning where minibatches of `size` rows do not divide a rollout; else none."""
    rows = n_steps * num_envs
    if size >= rows or rows % size == 0:
        return []
    return [
        f"a rollout has {rows:,} rows ({n_steps:,} steps × {num_envs:,} envs), the last minibatch "
        f"of each epoch is left with {rows % size:,} of {size:,}: give `batch_size` that divides "
        "the rows"
    ]
