"""cos and squares of one number after the other, by C's library.

Gymnasium's steps call them for one Python number at a time.  numpy's loops over arrays may be
another library's, right to the last bit but one; and C's pow(x, 2) is not always x·x (816 of
1,000,000 float64 differ).  A state that is to have Gymnasium's bits needs the same functions.
"""

from __future__ import annotations

import math
from itertools import repeat

import numpy as np


def cos(x: np.ndarray) -> np.ndarray:
    """math.cos of each.   x: (N,) float64."""
    return np.fromiter(map(math.cos, x.tolist()), np.float64, x.size)


def squares(x: np.ndarray) -> np.ndarray:
    """x ** 2 of each, by C's pow, of float32 by its powf; of x's shape and dtype."""
    if x.dtype == np.float64:
        each = map(math.pow, x.ravel().tolist(), repeat(2.0))
        return np.fromiter(each, np.float64, x.size).reshape(x.shape)
    return np.fromiter(map(pow, x.ravel(), repeat(2)), x.dtype, x.size).reshape(x.shape)
