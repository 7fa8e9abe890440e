"""Which quantile is asked for, as an input of the network: τ of implicit quantile networks."""

from __future__ import annotations

import math

import numpy as np

from drl.nn.init import Init, uniform
from drl.nn.layers import Layer, Pullback, Shape
from drl.nn.ops import Array, Ops


class QuantileEmbedding(Layer):
    """y = x ⊙ φ(τ),  φ_j(τ) = ReLU(Σ_{i<n} cos(πiτ) W_ij + b_j).   Dabney et al. 2018 (IQN), eq. 4.

    x (B, D), τ → y (B·N, D), example by example: the layers above see N rows of each.
    W: (n, D), b: (D,).

    The fractions τ are the network's condition: `net.forward(x, tau)` with tau (1, N), N fractions
    for all examples, or (B, N), for each its own.  They are data, without a gradient.
    """

    conditional = True
    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(self, cosines: int = 64, init: Init = uniform) -> None:
        if cosines < 1:
            raise ValueError(f"the embedding of τ needs at least 1 cosine, got {cosines}")
        self.cosines, self.init = cosines, init

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(f"the embedding of τ takes vectors, got inputs of {shape}")
        self.shapes = {"W": (self.cosines, shape[0]), "b": shape}
        return shape

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        self.frequencies = ops.asarray(np.pi * np.arange(self.cosines))

    def initialise(self, rng: np.random.Generator) -> None:
        self.W[:] = self.ops.asarray(self.init(rng, *self.shapes["W"]))

    def forward(self, x: Array, tau: Array | None = None) -> tuple[Array, Pullback]:
        if tau is None:
            raise ValueError("QuantileEmbedding needs the fractions τ besides x")
        ops, (count, width) = self.ops, (tau.shape[1], x.shape[1])
        cosines = ops.cos(tau.reshape(-1, 1) * self.frequencies)  # cos(πiτ): (1·N or B·N, n)
        flat = ops.relu(ops.linear(cosines, self.W, self.b))  # ReLU(cos W + b): (1·N or B·N, D)
        phi = flat.reshape(-1, count, width)  # φ(τ): (1 or B, N, D)
        y = x[:, None] * phi  # x ⊙ φ(τ): (B, N, D)

        def backward(dy: Array, inputs: bool = True) -> Array:
            dy = dy.reshape(-1, count, width)  # (rows, N, D), rows ≤ B
            rows = len(dy)
            dphi = dy * x[:rows, None]  # ∂L/∂φ = dy ⊙ x
            if len(phi) == 1:
                dphi = ops.sum(dphi, axis=0)  # one φ for all examples: ∂L/∂φ = Σ_b dy ⊙ x
            shown = math.prod(dphi.shape[:-1])
            dz = ops.relu_backward(dphi.reshape(shown, width), flat[:shown])  # ∂L/∂φ · 1[φ > 0]
            ops.matmul(cosines[:shown].T, dz, out=self.dW)  # ∂L/∂W = cos(πiτ)ᵀ dz
            ops.sum_rows(dz, out=self.db)  # ∂L/∂b = Σ dz
            return ops.sum(dy * phi[:rows], axis=1) if inputs else None  # ∂L/∂x = Σ_τ dy ⊙ φ

        return y.reshape(-1, width), backward

    def describe(self) -> str:
        return f"{self.cosines} cosines of τ, multiplied into the signals"
