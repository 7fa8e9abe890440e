"""numpy's operations with compiled loops in place of its many passes, for trainings that are long
enough to pay for loading them (docs/decisions/compiled-loops.md)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from drl.nn import loops
from drl.nn.compiled import compiled
from drl.nn.ops import Array, NumpyOps, Ops, adam_scalars


class Loops(NamedTuple):
    """The functions of drl.nn.loops as machine code."""

    add_rows: Callable[..., Any]
    relu_backward: Callable[..., Any]
    lerp: Callable[..., Any]
    adam: Callable[..., Any]


class CompiledOps(NumpyOps):
    """The same numbers as NumpyOps to the last bit.

    Arrays that the loops are not made for (another precision, not in one piece) take numpy's way.
    """

    loops: Loops

    def _add_rows(self, y: Array, b: Array) -> None:
        if self._fits(y) and self._fits(b):
            self.loops.add_rows(y, b)
        else:
            super()._add_rows(y, b)

    def relu_backward(self, dy: Array, y: Array) -> Array:
        if not (self._fits(dy) and self._fits(y)):
            return super().relu_backward(dy, y)
        dx = np.empty(dy.shape, dy.dtype)
        self.loops.relu_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
        return dx

    def lerp(self, a: Array, b: Array, weight: float) -> None:
        if self._fits(a) and self._fits(b):
            self.loops.lerp(a, b, self.dtype.type(weight))
        else:
            super().lerp(a, b, weight)

    def adam(
        self, params: Array, grads: Array, m: Array, v: Array, step: int,
        lr: float, beta1: float, beta2: float, eps: float, decay: float,
    ) -> None:  # fmt: skip
        scalars = adam_scalars(step, lr, beta1, beta2, eps, decay)
        self.loops.adam(params, grads, m, v, *map(self.dtype.type, scalars))

    def _fits(self, a: Array) -> bool:
        """Whether it is what the loops were compiled for."""
        return a.dtype is self.dtype and a.flags.carray


def speed_up(ops: Ops) -> bool:
    """`ops` works with compiled loops from here on; False where it cannot: torch's, or no numba.

    Layers, losses and optimizers hold `ops` itself, so the object stays and its class changes.
    """
    if type(ops) is NumpyOps and (found := load(str(ops.dtype))) is not None:
        ops.loops = found  # type: ignore[attr-defined]
        ops.__class__ = CompiledOps
    return isinstance(ops, CompiledOps)


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
        "lerp": f"void({vector}, {vector}, {dtype})",
        "adam": f"void({', '.join([vector] * 4 + [dtype] * 5)})",
    }
