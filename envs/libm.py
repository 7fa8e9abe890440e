"""cos and powers as C's library gives them, to the last bit.

Gymnasium's steps call them for one Python number at a time.  numpy's loops over arrays may be
another library's, right to the last bit but one; and C's pow(x, 2) is not always x·x (816 of
1,000,000 float64 differ).  A state that is to have Gymnasium's bits needs the same functions.
Whether numpy's cos, or those of a compiled loop, are the same here is found out by trying.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import repeat

import numpy as np

from drl.nn.compiled import compiled

TWO, TWO32 = 2.0, np.float32(2)  # given to loops: of a 2 that it knows a compiler makes x·x


def power(x: np.ndarray, exponent: float | np.float32) -> np.ndarray:
    """x ** exponent of each, by C's pow, of float32 by its powf; of x's shape and dtype."""
    if x.dtype == np.float64:
        each = [number**exponent for number in x.ravel().tolist()]  # floats: pow itself
        return np.fromiter(each, np.float64, x.size).reshape(x.shape)
    return np.fromiter(map(pow, x.ravel(), repeat(exponent)), x.dtype, x.size).reshape(x.shape)


def one_cos_after_another(x: np.ndarray) -> np.ndarray:
    """math.cos of each.   x: (N,) float64."""
    return np.fromiter(map(math.cos, x.tolist()), np.float64, x.size)


def _tried() -> np.ndarray:
    """Numbers on which two libraries differ: of the squares a few, of the cosines many."""
    return np.random.default_rng(0).uniform(-40.0, 40.0, 8_000)


def chosen_cos() -> Callable[[np.ndarray], np.ndarray]:
    """numpy's cos, where that over an array is C's; else C's, one after the other."""
    x = _tried()
    return np.cos if np.array_equal(np.cos(x), one_cos_after_another(x)) else one_cos_after_another


cos = chosen_cos()  # of (N,) float64


def both_loop(
    x: np.ndarray, x32: np.ndarray, two: float, two32: np.float32,
    cos: np.ndarray, square: np.ndarray, square32: np.ndarray,
) -> None:  # fmt: skip
    """cos x, x² and x² in float32 as a compiled loop has them."""
    for i in range(len(x)):
        cos[i], square[i] = math.cos(x[i]), math.pow(x[i], two)
        square32[i] = math.pow(x32[i], two32)


ROW, SINGLE = "float64[::1]", "float32[::1]"
BOTH_LOOP = f"void({ROW}, {SINGLE}, float64, float32, {ROW}, {ROW}, {SINGLE})"


@cache
def in_loops() -> bool:
    """Whether math.cos and math.pow in compiled loops are C's: numba may bring others."""
    loop = compiled(both_loop, BOTH_LOOP)
    if loop is None:
        return False
    x = _tried()
    x32 = x.astype(np.float32)
    found = np.empty_like(x), np.empty_like(x), np.empty_like(x32)
    loop(x, x32, TWO, TWO32, *found)
    expected = one_cos_after_another(x), power(x, TWO), power(x32, TWO32)
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
