"""numpy's operations with compiled loops in place of its many passes (drl/nn/loops.py).

Loading the loops takes half a second, compiling them the first time some seconds, and many
trainings are over before that: they are loaded late (docs/decisions/compiled-loops.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from drl.nn import loops
from drl.nn.compiled import compiled
from drl.nn.ops_numpy import Array, NumpyOps, adam_scalars

PAYS_AFTER = 2 * 10**8  # numbers that Adam has moved: two to five seconds of training


class Loops(NamedTuple):
    """The functions of drl.nn.loops as machine code."""

    add_rows: Callable[..., Any]
    relu_backward: Callable[..., Any]
    normalise: Callable[..., Any]
    tanh_backward: Callable[..., Any]
    centre: Callable[..., Any]
    scale_and_shift: Callable[..., Any]
    unit_gradient: Callable[..., Any]
    layer_norm_backward: Callable[..., Any]
    lerp: Callable[..., Any]
    adam: Callable[..., Any]
    below: Callable[..., Any]


class LateLoops:
    """Compiled loops that are there (`loops`) once a process has computed enough to pay for them.

    A count of work, of all trainings that share the operations; no result depends on it.

    dtype  of the arrays: "float32" or "float64"
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.left = PAYS_AFTER
        self.loops: Loops | None = None

    def count(self, numbers: int) -> None:
        """Adam has moved so many more numbers."""
        if self.left > 0:
            self.left -= numbers
            if self.left <= 0:
                self.loops = load(self.dtype)

    def load(self) -> bool:
        """Load the loops at once; False where they cannot be, without numba."""
        self.left, self.loops = 0, load(self.dtype)
        return self.loops is not None


class CompiledOps(NumpyOps):
    """NumpyOps with the elementwise work of a training step in compiled loops, bit for bit alike.

    numpy computes until the loops are loaded (`late`), and for arrays of another precision or not
    in one piece.
    """

    def __init__(self, dtype: str = "float32", device: str = "cpu") -> None:
        super().__init__(dtype, device)
        self.late = LateLoops(str(self.dtype))

    def _add_rows(self, y: Array, b: Array) -> None:
        loops = self.late.loops
        if loops and self._fits(y) and self._fits(b):
            loops.add_rows(y, b)
        else:
            super()._add_rows(y, b)

    def relu_backward(self, dy: Array, y: Array) -> Array:
        loops = self.late.loops
        if not (loops and self._fits(dy) and self._fits(y)):
            return super().relu_backward(dy, y)
        dx = np.empty(dy.shape, dy.dtype)
        loops.relu_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
        return dx

    def normalise(self, x: Array, mean: Array, rate: Array, low: Array, high: Array) -> Array:
        loops = self.late.loops
        if not (loops and self._fits(x)):
            return super().normalise(x, mean, rate, low, high)
        y, size = np.empty(x.shape, x.dtype), mean.size
        if x.ndim == 2:
            loops.normalise(x, mean, rate, low, high, y)
        else:
            columns = (a.reshape(-1) for a in (mean, rate, low, high))
            loops.normalise(x.reshape(-1, size), *columns, y.reshape(-1, size))
        return y

    def tanh_backward(self, dy: Array, y: Array) -> Array:
        loops = self.late.loops
        if not (loops and self._fits(dy) and self._fits(y)):
            return super().tanh_backward(dy, y)
        dx = np.empty(dy.shape, dy.dtype)
        loops.tanh_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
        return dx

    def layer_norm(
        self, x: Array, gain: Array, offset: Array, eps: float
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        loops = self.late.loops
        if not (loops and self._fits(x)):
            return super().layer_norm(x, gain, offset, eps)
        unit, y = np.empty_like(x), np.empty_like(x)  # y holds the squares first
        loops.centre(x, self.row_means(x), unit, y)
        rate = self.row_rates(y, eps)
        loops.scale_and_shift(unit, rate, gain, offset, y)
        return y, unit, rate

    def layer_norm_backward(self, dy: Array, unit: Array, rate: Array, gain: Array) -> Array:
        loops = self.late.loops
        if not (loops and self._fits(dy) and self._fits(unit)):
            return super().layer_norm_backward(dy, unit, rate, gain)
        d, along = np.empty_like(dy), np.empty_like(dy)
        loops.unit_gradient(dy, unit, gain, d, along)
        loops.layer_norm_backward(d, self.row_means(d), unit, self.row_means(along), rate)
        return d

    def below(self, a: Array, x: Array) -> Array:
        loops = self.late.loops
        if not (loops and a.flags.carray and x.flags.carray and a.size):
            return super().below(a, x)
        count = np.empty(x.shape, np.int64)
        loops.below(a, x, count)
        return count

    def lerp(self, a: Array, b: Array, weight: float) -> None:
        loops = self.late.loops
        if loops and self._fits(a) and self._fits(b):
            loops.lerp(a, b, self.dtype.type(weight))
        else:
            super().lerp(a, b, weight)

    def adam(
        self, params: Array, grads: Array, m: Array, v: Array, step: int,
        lr: float, beta1: float, beta2: float, eps: float, decay: float,
    ) -> None:  # fmt: skip
        loops = self.late.loops
        if loops:
            scalars = adam_scalars(step, lr, beta1, beta2, eps, decay)
            loops.adam(params, grads, m, v, *map(self.dtype.type, scalars))
        else:
            super().adam(params, grads, m, v, step, lr, beta1, beta2, eps, decay)
            self.late.count(len(params))

    def _fits(self, a: Array) -> bool:
        """Whether the loops were compiled for such an array."""
        return a.dtype is self.dtype and a.flags.carray


def load_loops(ops: object) -> bool:
    """Have the compiled loops at once, as some seconds into a training: for benchmarks and tests.

    False where there are none: torch's operations, or no numba.
    """
    return isinstance(ops, CompiledOps) and ops.late.load()


@cache
def load(dtype: str) -> Loops | None:
    """The loops for arrays of this type, from numba's cache or compiled; None without numba."""
    made = {name: compiled(getattr(loops, name), s) for name, s in signatures(dtype).items()}
    found = {name: loop for name, loop in made.items() if loop is not None}
    return Loops(**found) if len(found) == len(made) else None


def signatures(dtype: str) -> dict[str, str]:
    """The loops by name, and what they are compiled for."""
    vector, matrix = f"{dtype}[::1]", f"{dtype}[:, ::1]"
    return {
        "add_rows": f"void({matrix}, {vector})",
        "relu_backward": f"void({', '.join([vector] * 3)})",
        "normalise": f"void({', '.join([matrix] + [vector] * 4 + [matrix])})",
        "tanh_backward": f"void({', '.join([vector] * 3)})",
        "centre": f"void({', '.join([matrix] * 4)})",
        "scale_and_shift": f"void({matrix}, {matrix}, {vector}, {vector}, {matrix})",
        "unit_gradient": f"void({matrix}, {matrix}, {vector}, {matrix}, {matrix})",
        "layer_norm_backward": f"void({', '.join([matrix] * 5)})",
        "lerp": f"void({vector}, {vector}, {dtype})",
        "adam": f"void({', '.join([vector] * 4 + [dtype] * 5)})",
        "below": "void(float64[:, ::1], float64[:, ::1], int64[:, ::1])",
    }
