"""Numbers that change during training, as learning rates and ε: functions of a step t."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """v(t) = value."""

    value: float

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class Linear:
    """v(t) = start + (end − start)·min(t/steps, 1)."""

    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * _fraction(step, self.steps)


@dataclass(frozen=True)
class Cosine:
    """v(t) = end + ½(start − end)(1 + cos(π·min(t/steps, 1))).

    Loshchilov & Hutter 2017, eq. 5.
    """

    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        half = 0.5 * (1 + math.cos(math.pi * _fraction(step, self.steps)))
        return self.end + (self.start - self.end) * half


def falling(start: float, end: float | None, steps: int) -> Schedule:
    """Linear to the end, or none: it stays."""
    return Constant(start) if end is None else Linear(start, end, steps)


def _fraction(step: int, steps: int) -> float:
    return min(step / steps, 1.0) if steps > 0 else 1.0
