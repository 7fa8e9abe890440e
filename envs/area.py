"""An image made smaller by area: each new pixel is the mean of what it covers.

OpenCV's INTER_AREA (`computeResizeAreaTab` in its resize.cpp), in its order of float32 additions:
what Gymnasium's `AtariPreprocessing` sees is seen here too, without OpenCV.  Equal to OpenCV 5.0 on
4 million random pixels.  Where both sides shrink by the same whole number OpenCV has another rule,
which differs where a mean lies in the middle of two greys; no Atari screen is of such a size.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


def shrunk_by_area(image: np.ndarray, side: int) -> np.ndarray:
    """(H, W) uint8 → (side, side) uint8, H and W at least `side`."""
    x = image.T.astype(np.float32, order="C")  # rows are gathered faster than columns
    for length in reversed(image.shape):  # columns first, as there
        cells, weights = covered(length, side)
        mean = x.take(cells[0], axis=0) * weights[0]
        for cell, weight in zip(cells[1:], weights[1:], strict=True):
            mean += x.take(cell, axis=0) * weight
        x = np.ascontiguousarray(mean.T)
    return np.rint(x.T).astype(np.uint8)


@lru_cache(maxsize=16)
def covered(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The cells that each of `side` pixels covers of a row of `length`, and their shares in it.

    (K, side) and (K, side, 1), K the most cells of a pixel; those with fewer have shares of 0.
    """
    width = length / side  # of a pixel, in cells
    most = math.ceil(width) + 1
    cells = np.zeros((most, side), np.int64)
    shares = np.zeros((most, side, 1), np.float32)
    for i in range(side):
        begin, end = i * width, (i + 1) * width
        for k, cell in enumerate(range(math.floor(begin + 1e-9), length)):
            share = (min(end, cell + 1) - max(begin, cell)) / width
            if share < 1e-9:
                break
            cells[k, i], shares[k, i] = cell, share
    return cells, shares
