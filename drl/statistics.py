"""A few runs, and what they say about all that might have been."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]  # (..., n) → (...)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """IQM(x) = 1/(n − 2k) Σ_{i=k+1}^{n−k} x_(i), k = ⌊n/4⌋, x_(1) ≤ … ≤ x_(n).

    The mean of the middle half: robust to a freak run like the median, and it uses more of the
    data.  Agarwal et al. 2021, section 4.3, there as here with the quarter rounded down
    (scipy.stats.trim_mean(x, 0.25)).  values (..., n), over the last axis.  ValueError if n is 0.
    """
    values = np.asarray(values, np.float64)
    n = values.shape[-1]
    if n == 0:
        raise ValueError("the mean of no values is not defined")
    k = n // 4
    middle: np.ndarray = np.sort(values, axis=-1)[..., k : n - k].mean(axis=-1)
    return middle


def bootstrap_interval(
    values: np.ndarray, statistic: Statistic = interquartile_mean,
    level: float = 0.95, resamples: int = 2000, seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """The percentile bootstrap: [q_α/2, q_1−α/2] of T(x*), x* = n draws from x with replacement.

    values (n,): one number for each run; T the statistic; α = 1 − level.  Agarwal et al. 2021,
    section 4.1 (their draws are stratified by task; here is one task); Efron 1979.  With few runs
    it is too narrow: the worst that was not seen cannot be drawn.  The same seed gives the same
    interval.  ValueError below 2 values: one run tells nothing about another.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    if n < 2:
        raise ValueError(f"an interval needs at least 2 values, got {n}")
    draws = np.random.default_rng(seed).integers(n, size=(resamples, n))
    low, high = np.quantile(statistic(values[draws]), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
