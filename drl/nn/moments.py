"""Mean and variance of all that was seen, exact however it comes in parts."""

from __future__ import annotations

import numpy as np

STILL = 1e-6  # σ below this share of |μ| is float32's rounding, not spread
LEAST = 1e-12  # σ below this is none


class Moments:
    """μ, σ² (Σ(x − μ)²/n) and n of samples of numbers (*shape), in float64.

    Two sets of samples are merged exactly: with δ = μ_b − μ_a and n = n_a + n_b,

        μ = μ_a + δ n_b/n,     σ² = (n_a σ_a² + n_b σ_b²)/n + δ² n_a n_b/n².

    Chan, Golub & LeVeque 1979, eq. 2.1; one sample at a time it is Welford's rule (1962).  The
    order does not matter but for rounding.

    mean, variance  (*shape) float64
    count           () float64
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.mean, self.variance = np.zeros(shape), np.zeros(shape)
        self.count = np.zeros(())

    def add(self, samples: np.ndarray) -> None:
        """samples (N, *shape), one or more."""
        x = np.asarray(samples, np.float64)
        weight = 1 / len(x)
        mean = np.add.reduce(x) * weight
        x = x - mean
        self.merge(mean, np.add.reduce(x * x) * weight, float(len(x)))

    def merge(self, mean: np.ndarray, variance: np.ndarray, count: float) -> None:
        """Other samples' μ, σ² (*shape) and n."""
        total = float(self.count) + count
        if total == 0:
            return
        own, other = float(self.count) / total, count / total  # n_a/n, n_b/n
        delta = mean - self.mean
        self.mean += other * delta
        self.variance *= own
        self.variance += other * variance + (own * other) * (delta * delta)
        self.count[...] = total

    def clear(self) -> None:
        """As if nothing had been seen."""
        for array in (self.mean, self.variance, self.count):
            array[...] = 0

    def std(self) -> tuple[np.ndarray, np.ndarray]:
        """σ (*shape), and whether there was any spread (*shape) bool; σ is 1 where there was none.

        What is added to σ² elsewhere, 1e-8 mostly, would be a unit: numbers of 1e-4 are none to it.
        """
        least = np.maximum(STILL * np.abs(self.mean), LEAST)
        varied = self.variance > least * least
        return np.sqrt(np.where(varied, self.variance, 1.0)), varied
