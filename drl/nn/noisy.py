"""Linear layers that explore: noise on the weights, its size learnt.   Fortunato et al. 2018."""

from __future__ import annotations

import numpy as np

from drl.nn.init import Init, uniform
from drl.nn.layers import Linear, Pullback, Shape, rows_of
from drl.nn.ops import Array


class NoisyLinear(Linear):
    """y = x(W + σ_W ⊙ ε_W) + (b + σ_b ⊙ ε_b).   Fortunato et al. 2018, eq. 9.

    Factorised noise (eq. 10, 11): ε_W = f(ε_in) f(ε_out)ᵀ and ε_b = f(ε_out) with f(x) =
    sgn(x)√|x| and ε_in (I,), ε_out (O,) standard normal: I + O draws for a layer, not I·O + O.
    The noise stays until `resample`; at the start, and after resample(None), it is 0.

    x: (B, I), W, σ_W: (I, O), b, σ_b: (O,), y: (B, O).

    outputs  O
    sigma    σ₀ of section 3.2: at the start σ_W = σ_b = σ₀/√I, and W, b ~ U(±1/√I)

    ValueError below 1 output, or where sigma is below 0.
    """

    noisy, inputs_alone = True, False
    W_sigma: Array
    b_sigma: Array
    dW_sigma: Array
    db_sigma: Array

    def __init__(
        self, outputs: int, bias: bool = True, init: Init = uniform, sigma: float = 0.5
    ) -> None:
        super().__init__(outputs, bias, init)
        if not sigma >= 0:
            raise ValueError(f"noise needs sigma ≥ 0, got {sigma}")
        self.sigma = sigma

    def build(self, shape: Shape) -> Shape:
        out = super().build(shape)
        self.shapes |= {f"{name}_sigma": size for name, size in self.shapes.items()}
        return out

    def initialise(self, rng: np.random.Generator) -> None:
        super().initialise(rng)
        self.resample(None)
        inputs, outputs = self.shapes["W"]
        self.W_sigma[:] = self.sigma / np.sqrt(inputs)
        if self.b is not None:
            self.b[:] = self.ops.asarray(uniform(rng, inputs, outputs)[0])
            self.b_sigma[:] = self.sigma / np.sqrt(inputs)

    def resample(self, rng: np.random.Generator | None) -> None:
        inputs, outputs = self.shapes["W"]
        drawn = np.zeros(inputs + outputs) if rng is None else rng.standard_normal(inputs + outputs)
        f = self.ops.asarray(np.sign(drawn) * np.sqrt(np.abs(drawn)))
        self.noise = f[:inputs, None] * f[inputs:], f[inputs:]  # ε_W, ε_b

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops = self.ops
        eps_W, eps_b = self.noise
        W = self.W + self.W_sigma * eps_W  # W + σ_W ⊙ ε_W
        b = None if self.b is None else self.b + self.b_sigma * eps_b  # b + σ_b ⊙ ε_b
        y = ops.linear(x, W, b)  # x(W + σ_W ⊙ ε_W) + (b + σ_b ⊙ ε_b)

        def backward(dy: Array, inputs: bool = True) -> Array:
            ops.matmul(rows_of(dy, x).T, dy, out=self.dW)  # ∂L/∂W = xᵀ dy
            self.dW_sigma[:] = self.dW * eps_W  # ∂L/∂σ_W = ∂L/∂W ⊙ ε_W
            if self.db is not None:
                ops.sum_rows(dy, out=self.db)  # ∂L/∂b = Σ_batch dy
                self.db_sigma[:] = self.db * eps_b  # ∂L/∂σ_b = ∂L/∂b ⊙ ε_b
            return ops.linear_backward(dy, W) if inputs else None  # ∂L/∂x = dy (W + σ_W ⊙ ε_W)ᵀ

        return y, backward

    def describe(self) -> str:
        return super().describe() + ", each with its amount of noise"
