"""Shared weights: the same small filter at every place of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drl.nn.init import Init, he
from drl.nn.layers import Layer, Pullback, Shape
from drl.nn.ops import Array


class Conv2d(Layer):
    """y[p] = patch(x, p) W + b at every position p: Linear, with its weights shared by all p.

    ∂L/∂W = Σ_p patch(x, p)ᵀ dy[p]: W is used at every p, so its gradient is the sum over p.   LeCun
    et al. 1989.

    x: (B, H, W, C), W: (k, k, C, O), b: (O,), y: (B, H', W', O) with
    H' = (H + 2·padding − k)//stride + 1.

    filters  O;  kernel  k.   ValueError where sizes cannot be.
    """

    W: Array
    b: Array | None = None
    dW: Array
    db: Array | None = None

    def __init__(
        self, filters: int, kernel: int, stride: int = 1, padding: int = 0,
        bias: bool = True, init: Init = he,
    ) -> None:  # fmt: skip
        if min(filters, kernel, stride) < 1 or padding < 0:
            raise ValueError(
                f"Conv2d needs filters, kernel and stride ≥ 1 and padding ≥ 0, "
                f"got {filters}, {kernel}, {stride}, {padding}"
            )
        self.filters, self.kernel, self.stride, self.padding = filters, kernel, stride, padding
        self.bias, self.init = bias, init

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(f"Conv2d takes images (H, W, C), got inputs of shape {shape}")
        height, width, channels = shape
        rows = (height + 2 * self.padding - self.kernel) // self.stride + 1
        cols = (width + 2 * self.padding - self.kernel) // self.stride + 1
        if rows < 1 or cols < 1:
            raise ValueError(
                f"a {self.kernel}×{self.kernel} kernel does not fit a {height}×{width} image"
            )
        self.shapes = {"W": (self.kernel, self.kernel, channels, self.filters)}
        if self.bias:
            self.shapes["b"] = (self.filters,)
        return (rows, cols, self.filters)

    def initialise(self, rng: np.random.Generator) -> None:
        k, _, channels, filters = self.shapes["W"]
        drawn = self.init(rng, k * k * channels, filters).reshape(self.shapes["W"])
        self.W[:] = self.ops.asarray(drawn)

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops = self.ops
        y, patches = ops.conv2d(x, self.W, self.b, self.stride, self.padding)

        def backward(dy: Array, inputs: bool = True) -> Array:
            return ops.conv2d_backward(  # ∂L/∂W = Σ_p patch(p)ᵀ dy[p], ∂L/∂b = Σ_p dy[p],
                dy, x, patches, self.W, self.stride, self.padding, self.dW, self.db, inputs
            )  # ∂L/∂x: each patch returns dy[p] Wᵀ to the pixels it saw

        return y, backward

    def describe(self) -> str:
        k, _, channels, filters = self.shapes["W"]
        each = f"{k}×{k}×{channels} weights for each of {filters} filters, shared by all positions"
        return each + ", 1 bias each" * self.bias


class MaxPool2d(Layer):
    """y[p] = max of the size×size window p; windows lie side by side, a rest at the edge is cut.

    ∂L/∂x is dy at the largest pixel of each window, the first of equal ones, and 0 elsewhere.
    x: (B, H, W, C), y: (B, H//size, W//size, C).   ValueError where sizes cannot be.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"MaxPool2d needs size ≥ 1, got {size}")
        self.size = size

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 3 or min(shape[:2]) < self.size:
            raise ValueError(f"a {self.size}×{self.size} window does not fit inputs of {shape}")
        return (shape[0] // self.size, shape[1] // self.size, shape[2])

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        y, winner = self.ops.maxpool2d(x, self.size)

        def backward(dy: Array, inputs: bool = True) -> Array:
            return self.ops.maxpool2d_backward(dy, x, winner, self.size)  # ∂L/∂x = dy at winners

        return y, backward


@dataclass(frozen=True)
class Conv:
    """A convolution of an MLP's front: `filters` k×k kernels, then the activation."""

    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Pool:
    """A max pooling of an MLP's front, over windows of size × size."""

    size: int


FRONTS: dict[str, tuple[Conv | Pool, ...]] = {
    # LeNet-like; 28×28 → 4×4×64, and 8×8 is better served by its own specs (drl.supervised.presets)
    "digits": (Conv(32, 5), Pool(2), Conv(64, 5), Pool(2)),
    # Young & Tian 2019, section 4: one small convolution for 10×10×C boards
    "minatar": (Conv(16, 3),),
    # Mnih et al. 2015, Methods: 84×84×4 → 7×7×64
    "nature": (Conv(32, 8, 4), Conv(64, 4, 2), Conv(64, 3, 1)),
}
