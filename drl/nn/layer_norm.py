"""Layer normalisation: every example's signals in units of their own spread.   Ba et al. 2016."""

from __future__ import annotations

import numpy as np

from drl.nn.layers import Layer, Pullback, Shape
from drl.nn.ops import Array


class LayerNorm(Layer):
    """y = γ ⊙ x̂ + β,  x̂ = (x − m)/√(v + ε),  m and v the mean and variance over the D signals.

    Ba, Kiros & Hinton 2016, eq. 4.  x, y: (B, D), or (B, H, W, D): over the channels at each
    position.  γ, β: (D,), 1 and 0 at the start.

    eps  ε

    ValueError where ε is not above 0.
    """

    inputs_alone = True
    gain: Array  # γ
    offset: Array  # β
    dgain: Array
    doffset: Array

    def __init__(self, eps: float = 1e-5) -> None:
        if not eps > 0:
            raise ValueError(f"LayerNorm needs eps > 0, got {eps}")
        self.eps = eps

    def build(self, shape: Shape) -> Shape:
        self.shapes = {"gain": shape[-1:], "offset": shape[-1:]}
        return shape

    def initialise(self, rng: np.random.Generator) -> None:
        self.gain[:] = 1.0

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops, shape = self.ops, x.shape
        x = x.reshape(-1, shape[-1])  # (R, D): a row for each mean
        centred = x - ops.row_means(x)  # x − m
        rate = (ops.row_means(centred * centred) + self.eps) ** -0.5  # 1/√(v + ε): (R, 1)
        unit = centred * rate  # x̂
        y = unit * self.gain + self.offset  # γ ⊙ x̂ + β

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            rows = dy.shape
            dy = dy.reshape(-1, shape[-1])
            u, r = unit[: len(dy)], rate[: len(dy)]
            if params:
                ops.sum_rows(dy * u, out=self.dgain)  # ∂L/∂γ = Σ_batch dy ⊙ x̂
                ops.sum_rows(dy, out=self.doffset)  # ∂L/∂β = Σ_batch dy
            if not inputs:
                return None
            d = dy * self.gain  # ∂L/∂x̂ = dy ⊙ γ
            # ∂L/∂x = (∂L/∂x̂ − mean ∂L/∂x̂ − x̂ mean(∂L/∂x̂ ⊙ x̂))/√(v + ε)
            dx = (d - ops.row_means(d) - u * ops.row_means(d * u)) * r
            return dx.reshape(rows)

        return y.reshape(shape), backward

    def describe(self) -> str:
        return "1 gain and 1 offset for each signal, in units of an example's spread"
