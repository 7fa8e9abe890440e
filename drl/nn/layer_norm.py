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
        rows = x.reshape(-1, shape[-1])  # (R, D): a row for each mean
        # y = γ ⊙ x̂ + β, with x̂ (R, D) and 1/√(v + ε) (R, 1)
        y, unit, rate = ops.layer_norm(rows, self.gain, self.offset, self.eps)

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            d = dy.reshape(-1, shape[-1])
            u, r = unit[: len(d)], rate[: len(d)]
            if params:
                ops.sum_rows(d * u, out=self.dgain)  # ∂L/∂γ = Σ_batch dy ⊙ x̂
                ops.sum_rows(d, out=self.doffset)  # ∂L/∂β = Σ_batch dy
            if not inputs:
                return None
            # ∂L/∂x̂ = dy ⊙ γ, and through m, v, which are of x too
            # ∂L/∂x = (∂L/∂x̂ − mean ∂L/∂x̂ − x̂ mean(∂L/∂x̂ ⊙ x̂))/√(v + ε)
            return ops.layer_norm_backward(d, u, r, self.gain).reshape(dy.shape)

        return y.reshape(shape), backward

    def describe(self) -> str:
        return "1 gain and 1 offset for each signal, in units of an example's spread"
