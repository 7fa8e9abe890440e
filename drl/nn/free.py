"""A parameter without input, as a layer: log σ of a Gaussian policy."""

from __future__ import annotations

from drl.nn.layers import Layer, Pullback, Shape
from drl.nn.ops import Array


class Free(Layer):
    """y = b, the same for every example, whatever x is.   b: (k,), y: (B, k).

    ∂L/∂b = Σ_batch dy, ∂L/∂x = 0.  In a branch of its own (drl.nn.branches.Branches) it stands
    beside outputs that see x, in one network with one vector.

    k      number of parameters.   ValueError below 1.
    value  of each at the start
    """

    b: Array
    db: Array

    def __init__(self, k: int, value: float = 0.0) -> None:
        if k < 1:
            raise ValueError(f"a layer needs at least 1 output, got {k}")
        self.k, self.value = k, value

    def build(self, shape: Shape) -> Shape:
        self.shapes = {"b": (self.k,)}
        return (self.k,)

    def initialise(self, rng: object) -> None:
        self.b[:] = self.value

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops = self.ops
        y = ops.zeros(x.shape[0], self.k) + self.b

        def backward(dy: Array, inputs: bool = True) -> Array:
            ops.sum_rows(dy, out=self.db)  # ∂L/∂b = Σ_batch dy
            return ops.zeros(dy.shape[0], *x.shape[1:]) if inputs else None  # ∂L/∂x = 0

        return y, backward

    def describe(self) -> str:
        return "learnt, the same for every input"
