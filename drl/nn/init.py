"""Initial weights, drawn by numpy from an explicit generator, whatever the array library.

Each function gives a (fan_in, fan_out) float64 matrix whose scale keeps the variance of the
signals from layer to layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Init = Callable[[np.random.Generator, int, int], np.ndarray]


def he(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """N(0, 2/fan_in): a ReLU halves the variance, the 2 gives it back.  He et al. 2015, eq. 10."""
    return rng.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))


def xavier(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """U(±√(6/(fan_in + fan_out))): variance kept both ways.  Glorot & Bengio 2010, eq. 16."""
    bound = np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out))


@dataclass(frozen=True)
class Orthogonal:
    """`gain` times a matrix with orthonormal rows or columns.   Saxe et al. 2014, section 3.

    gain  √2 before a ReLU, 1 before outputs whose scale shall be that of the signals; 0.01 makes a
          policy that is nearly even at the start (Andrychowicz et al. 2021, section 3.2)
    """

    gain: float = math.sqrt(2.0)

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        tall = rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out)))
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diag(r))  # the factorisation's signs are arbitrary; this makes it uniform
        return np.asarray(self.gain * (q if fan_in >= fan_out else q.T))


orthogonal = Orthogonal()


def uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """U(±1/√fan_in): torch's default for a linear layer; outputs are small at the start."""
    bound = 1.0 / np.sqrt(fan_in)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


INITS: dict[str, Init] = {
    "he": he,
    "xavier": xavier,
    "orthogonal": orthogonal,
    "uniform": uniform,
}
