"""Inputs in units of their own spread: running statistics as a layer of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drl.nn.layers import Layer, Pullback, Shape, rows_of
from drl.nn.moments import Moments
from drl.nn.ops import Array, Ops


class Normalise(Layer):
    """y = min(max((x − μ)/σ, −c), c), with the mean μ and the deviation σ of the inputs so far.

    Nothing in it is learnt.  μ, σ² and how many inputs they are of are buffers, float64: they go
    wherever the network's parameters go, so that a policy is never without them.  They move only
    when somebody moves them (drl.nn.compensate.renormalise), never in `forward`.  At the start, and
    where an input has not varied, σ is 1.

    x: (B, *shape).  Each input has statistics of its own; of images (B, H, W, C) each channel, as
    convolutions share their weights over the positions.

    ∂L/∂x = dy/σ where −c < y < c, and 0 elsewhere.

    limit  c, above 0
    where  (*shape) bool, which inputs are normalised; the others pass as they are; None: all

    ValueError where the limit is not above 0, or `where` does not fit the inputs.
    """

    moments: Moments

    def __init__(self, limit: float = 10.0, where: Sequence[bool] | None = None) -> None:
        if not limit > 0:
            raise ValueError(f"Normalise needs a limit above 0, got {limit}")
        self.limit = limit
        self.where = None if where is None else np.asarray(where, np.bool_)

    def build(self, shape: Shape) -> Shape:
        own = shape[-1:] if len(shape) == 3 else shape
        if self.where is not None and self.where.shape != own:
            raise ValueError(f"where {self.where.shape} does not fit inputs of shape {shape}")
        self.shape, self.moments = shape, Moments(own)
        moments = self.moments
        self.buffers = {
            "mean": moments.mean, "variance": moments.variance, "count": moments.count
        }  # fmt: skip
        return shape

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        limits = np.full(self.moments.mean.shape, self.limit)
        if self.where is not None:
            limits[~self.where] = np.inf
        self.high = ops.asarray(limits)  # c
        self.low = ops.asarray(-limits)
        self.buffers_changed()

    def buffers_changed(self) -> None:
        self.std, self.varied = self.moments.std()  # σ, and which inputs have varied
        self.mu = self.ops.asarray(self.moments.mean)
        self.rate = self.ops.asarray(1 / self.std)

    def merge(self, mean: np.ndarray, variance: np.ndarray, count: float) -> None:
        """The statistics of `count` more inputs: mean, variance (*shape) of each of their numbers.

        Of images all positions are samples: the variance of a channel is the mean of its pixels'
        variances plus the variance of their means.
        """
        if mean.ndim == 3:
            means = mean.reshape(-1, mean.shape[-1])
            variance = variance.reshape(means.shape).mean(axis=0) + means.var(axis=0)
            mean = means.mean(axis=0)
        if self.where is not None:
            mean, variance = mean * self.where, variance * self.where
        self.moments.merge(mean, variance, count)
        self.buffers_changed()

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops, rate = self.ops, self.rate
        y = ops.normalise(x, self.mu, rate, self.low, self.high)  # clip((x − μ)/σ, ±c)

        def backward(dy: Array, inputs: bool = True) -> Array:
            if not inputs:
                return None
            inside = ops.abs(rows_of(dy, y)) < self.high
            return dy * (inside * rate)  # ∂L/∂x = dy/σ · 1[−c < y < c]

        return y, backward

    def describe(self) -> str:
        of = "" if self.where is None else f" of {int(self.where.sum())}"
        seen = f"{int(self.moments.count):,} observations" if self.moments.count else "none yet"
        return f"mean and deviation{of}, from {seen}, then cut to ±{self.limit:g}: not learnt"
