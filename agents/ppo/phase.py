"""A full rollout on its way through the epochs: its rows, and which of them come next.

Shapes: B rows, one for each step of each environment; D numbers of z.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """What a rollout is learnt from, or a minibatch of it."""

    s: np.ndarray  # (B, *shape)
    a: np.ndarray  # (B, *action shape) samples
    log_prob: np.ndarray  # (B,) log π(a|s) of the policy that acted
    value: np.ndarray  # (B,) V(s) when the rollout was over
    advantage: np.ndarray  # (B,) A
    returns: np.ndarray  # (B,) R = A + V(s), which V is fitted to
    mask: np.ndarray | None = None  # (B, D) bool, the actions that s allows; None: all
    h: np.ndarray | None = None  # (B, S) states before the rows; None: there are none
    starts: np.ndarray | None = None  # (B,) bool, where an episode begins, with a state of 0

    def take(self, rows: np.ndarray) -> Rows:
        """Those of these numbers, in this order."""
        return Rows(*(None if x is None else x.take(rows, axis=0) for x in self))  # type: ignore[arg-type]


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
