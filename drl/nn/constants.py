"""Constant arrays that are used at every step, created once for each shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MOST_BYTES = 64 * 2**20  # of all arrays together; activations of one large batch are as large
MOST = 256  # arrays


class Constants(dict[Any, np.ndarray]):
    """constants[shape] → the read-only array make(shape), created once and kept.

    Filling an array of zeros costs as much as the operation that reads it.  Memory is bounded
    whatever shapes come: when MOST arrays or MOST_BYTES are reached, all make room, and an array
    above MOST_BYTES is not kept at all.  Threads may share one: a race creates an array twice.
    """

    def __init__(self, make: Callable[[Any], np.ndarray]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, shape: Any) -> np.ndarray:
        array = self.make(shape)
        array.flags.writeable = False
        if array.nbytes > MOST_BYTES:
            return array
        kept = list(self.values())
        if len(kept) >= MOST or sum(a.nbytes for a in kept) + array.nbytes > MOST_BYTES:
            self.clear()
        self[shape] = array
        return array
