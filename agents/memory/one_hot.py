"""Observations of 0 and 1 in a memory: a number, or a bit for each.

The 500 numbers of Taxi's one-hot states are 2 bytes as a number, 63 as bits, 2,000 as float32.

Shapes: N environments, B keys.
"""

from __future__ import annotations

import numpy as np

from agents.memory.storage import Stateless


class OneHotStorage(Stateless):
    """The key of a one-hot vector is the place of its 1.

    size  numbers of a vector
    """

    def __init__(self, size: int) -> None:
        self.size, self.key_range = size, (0, size - 1)
        self.key_shape, self.key_dtype = (), np.min_scalar_type(size - 1)

    def keys(self, s: np.ndarray) -> np.ndarray:
        places: np.ndarray = s.argmax(axis=1).astype(self.key_dtype)
        return places

    def decode(self, keys: np.ndarray) -> np.ndarray:
        s = np.zeros((len(keys), self.size), np.float32)
        s[np.arange(len(keys)), keys] = 1
        return s


class BitStorage(Stateless):
    """The key of a vector of 0 and 1 is its bits, eight to a byte.

    size  numbers of a vector
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.key_shape, self.key_dtype = (-(-size // 8),), np.dtype(np.uint8)

    def keys(self, s: np.ndarray) -> np.ndarray:
        return np.packbits(s != 0, axis=1)

    def decode(self, keys: np.ndarray) -> np.ndarray:
        return np.unpackbits(keys, axis=1, count=self.size).astype(np.float32)
