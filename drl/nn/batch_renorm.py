"""Batch renormalisation: signals in units of their spread over the batch, held to a running one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from drl.nn.layers import Layer, Pullback, Shape, rows_of
from drl.nn.network import Network
from drl.nn.ops import Array, Ops


class BatchRenorm(Layer):
    """y = γ ⊙ (z ⊙ r + d) + β,  z = (x − μ_B)/s_B.   Ioffe 2017, Algorithm 1.

    μ_B and s_B = √(σ_B² + ε) are of the batch, μ and s running ones.  r = clip(s_B/s, 1/r_max,
    r_max) and d = clip((μ_B − μ)/s, ±d_max) are constants to the gradient.  Where they are not
    clipped, y is what the running statistics make of x.  In the first `warm_up` batches r = 1 and
    d = 0: batch normalisation (Ioffe & Szegedy 2015), as CrossQ has it (Bhatt et al. 2024).

    The batch's own statistics are taken within `batch_statistics(net)`; otherwise
    y = γ ⊙ (x − μ)/s + β, row by row, by the running ones.  These are buffers, and `follow(net)`
    moves them: never `forward`.

    x, y: (B, D), or (B, H, W, D): over all positions.  γ, β: (D,), 1 and 0 at the start.

    momentum      m: μ ← μ + (1 − m)(μ_B − μ), and σ² likewise
    r_max, d_max  bounds of r and d
    warm_up       batches without r and d
    eps           ε

    ValueError where one is out of its range.
    """

    inputs_alone = True
    by_batch = False  # whether `forward` takes the batch's statistics
    gain: Array  # γ
    offset: Array  # β
    dgain: Array
    doffset: Array

    def __init__(
        self, momentum: float = 0.99, r_max: float = 3.0, d_max: float = 5.0,
        warm_up: int = 100_000, eps: float = 1e-3,
    ) -> None:  # fmt: skip
        if not (0 <= momentum < 1 and r_max >= 1 and d_max >= 0 and warm_up >= 0 and eps > 0):
            raise ValueError(
                "BatchRenorm needs 0 ≤ momentum < 1, r_max ≥ 1, d_max ≥ 0, warm_up ≥ 0, eps > 0, "
                f"got {momentum}, {r_max}, {d_max}, {warm_up}, {eps}"
            )
        self.momentum, self.r_max, self.d_max = momentum, r_max, d_max
        self.warm_up, self.eps = warm_up, eps
        self.seen: tuple[Array, Array] | None = None  # μ_B, σ_B² of the newest batch

    def build(self, shape: Shape) -> Shape:
        own = shape[-1:]
        self.shapes = {"gain": own, "offset": own}
        self.buffers = {
            "mean": np.zeros(own), "variance": np.ones(own), "batches": np.zeros(())
        }  # fmt: skip
        return shape

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        self.buffers_changed()

    def initialise(self, rng: np.random.Generator) -> None:
        self.gain[:] = 1.0

    def buffers_changed(self) -> None:
        self.mean = self.ops.asarray(self.buffers["mean"])  # μ
        self.rate = self.ops.asarray((self.buffers["variance"] + self.eps) ** -0.5)  # 1/s

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        return self._by_batch(x) if self.by_batch else self._by_running(x)

    def _by_batch(self, x: Array) -> tuple[Array, Pullback]:
        ops, shape = self.ops, x.shape
        x = x.reshape(-1, shape[-1])  # (R, D): all rows and positions
        count = max(x.shape[0], 1)
        mean = ops.sum_rows(x) / count  # μ_B
        centred = x - mean
        variance = ops.sum_rows(centred * centred) / count  # σ_B²
        self.seen = mean, variance
        rate = (variance + self.eps) ** -0.5  # 1/s_B
        z = centred * rate
        r, d = self._correction(mean, rate)
        unit = z * r + d
        y = unit * self.gain + self.offset  # γ ⊙ (z ⊙ r + d) + β

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            dy = dy.reshape(-1, shape[-1])
            seen = rows_of(dy, z)
            total, along = ops.sum_rows(dy), ops.sum_rows(dy * seen)  # Σ dy, Σ dy z
            if params:
                self.dgain[:] = r * along + d * total  # ∂L/∂γ = r Σ dy z + d Σ dy
                self.doffset[:] = total  # ∂L/∂β = Σ dy
            if not inputs:
                return None
            # ∂L/∂x = (γ r/s_B)(dy − mean dy − z mean(dy z)), means over all rows: a row that L does
            # not see has its part in μ_B and s_B
            dx = z * (-along / count) - total / count
            dx[: dy.shape[0]] += dy
            dx *= self.gain * r * rate
            return dx.reshape(shape)

        return y.reshape(shape), backward

    def _correction(self, mean: Array, rate: Array) -> tuple[Array, Array]:
        """r and d of a batch with the mean μ_B and 1/s_B."""
        ops = self.ops
        if self.buffers["batches"] < self.warm_up:
            zero = mean * 0
            return zero + 1, zero
        r = ops.clip(self.rate / rate, 1 / self.r_max, self.r_max)  # s_B/s
        return r, ops.clip((mean - self.mean) * self.rate, -self.d_max, self.d_max)

    def _by_running(self, x: Array) -> tuple[Array, Pullback]:
        ops, unit = self.ops, (x - self.mean) * self.rate  # (x − μ)/s
        rate, wide = self.rate, x.shape[-1]

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            if params:
                rows = dy.reshape(-1, wide)
                ops.sum_rows(rows * rows_of(dy, unit).reshape(-1, wide), out=self.dgain)
                ops.sum_rows(rows, out=self.doffset)
            return dy * (self.gain * rate) if inputs else None  # ∂L/∂x = dy γ/s

        return unit * self.gain + self.offset, backward

    def affine(self) -> tuple[Array, Array]:
        """w and b of y = w ⊙ x + b by the running statistics: (D,) each."""
        factor = self.gain * self.rate
        return factor, self.offset - factor * self.mean

    def follow(self) -> None:
        """μ ← μ + (1 − m)(μ_B − μ),  σ² ← σ² + (1 − m)(σ_B² − σ²), of the newest batch."""
        if self.seen is None:
            return
        for name, batch in zip(("mean", "variance"), self.seen, strict=True):
            running = self.buffers[name]
            running += (1 - self.momentum) * (self.ops.numpy(batch) - running)
        self.buffers["batches"] += 1
        self.seen = None
        self.buffers_changed()

    def describe(self) -> str:
        return "1 gain and 1 offset for each signal, in units of a batch's spread"


@contextmanager
def batch_statistics(net: Network) -> Iterator[None]:
    """Within, every BatchRenorm of the network takes the statistics of what goes forward."""
    layers = _those_of(net)
    for layer in layers:
        layer.by_batch = True
    try:
        yield
    finally:
        for layer in layers:
            layer.by_batch = False


def follow(net: Network) -> None:
    """The running statistics of every BatchRenorm of the network move by the newest batch."""
    for layer in _those_of(net):
        layer.follow()


def _those_of(net: Network) -> list[BatchRenorm]:
    return [layer for layer in net.buffered if isinstance(layer, BatchRenorm)]
