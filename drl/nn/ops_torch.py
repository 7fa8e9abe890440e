"""The array operations on torch: drl.nn.ops_numpy says what each is.

torch is an array library here: no tensor ever asks for a gradient.
"""

from __future__ import annotations

import importlib
import math
import os
from functools import cache
from typing import Any

import numpy as np

from drl.nn.ops_numpy import Array, no_room


class TorchOps:
    """Array operations; arrays are torch.Tensor without gradients, on one device."""

    name = "torch"

    def __init__(self, dtype: str = "float32", device: str = "cpu") -> None:
        import torch

        _one_thread_after_fork()
        self.torch = torch
        self.dtype = getattr(torch, str(np.dtype(dtype)))
        self.device = torch.device(device)
        self.smallest = float(torch.finfo(self.dtype).tiny)
        self.lowest = float(torch.finfo(self.dtype).min)
        aten = torch.ops.aten
        self._threshold_backward = aten.threshold_backward.default
        self._convolution_backward = aten.convolution_backward.default
        self._pool = aten.max_pool2d_with_indices.default
        self._pool_backward = aten.max_pool2d_with_indices_backward.default

    def __deepcopy__(self, memo: dict[int, Any]) -> TorchOps:
        return self  # nothing in it changes: copies of networks share it

    # -- coming and going ---------------------------------------------------------------------
    def asarray(self, x: Array) -> Array:
        return self.torch.as_tensor(_plain(x), dtype=self.dtype, device=self.device)

    def double(self, x: Array) -> Array:
        return x.double()

    def indices(self, x: Array) -> Array:
        return self.torch.as_tensor(_plain(x), dtype=self.torch.int64, device=self.device)

    def booleans(self, x: Array) -> Array:
        return self.torch.as_tensor(_plain(x), dtype=self.torch.bool, device=self.device)

    def numpy(self, x: Array) -> np.ndarray:
        return np.asarray(x.cpu()) if isinstance(x, self.torch.Tensor) else np.asarray(x)

    def zeros(self, *shape: int) -> Array:
        """An array of zeros of that shape.   MemoryError where there is no room."""
        try:
            return self.torch.zeros(shape, dtype=self.dtype, device=self.device)
        except (RuntimeError, TypeError) as error:  # too much, or more than 64 bits can count
            raise no_room(shape) from error

    def share(self, a: Array, b: Array) -> bool:
        """Whether two arrays share memory."""
        return bool(a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr())

    # -- products and sums --------------------------------------------------------------------
    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        return self.torch.mm(a, b, out=out)

    def linear(self, x: Array, W: Array, b: Array | None) -> Array:
        return self.torch.mm(x, W) if b is None else self.torch.addmm(b, x, W)

    def linear_backward(self, dy: Array, W: Array) -> Array:
        """dy Wᵀ."""
        return self.torch.mm(dy, W.T)

    def sum_rows(self, a: Array, out: Array | None = None) -> Array:
        return self.torch.sum(a, 0, out=out)

    def sum(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        return a.sum() if axis is None else a.sum(axis, keepdim=keepdims)

    def mean(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        return a.mean() if axis is None else a.mean(axis, keepdim=keepdims)

    def prefix_sums(self, a: Array) -> Array:
        return self.torch.cat([0 * a[:, :1], a.cumsum(1)], 1)

    def row_means(self, a: Array) -> Array:
        return a.mean(1, keepdim=True)

    def norm(self, a: Array) -> float:
        return math.sqrt(self.torch.dot(a, a))

    # -- elementwise --------------------------------------------------------------------------
    def relu(self, x: Array) -> Array:
        return self.torch.relu(x)

    def relu_backward(self, dy: Array, y: Array) -> Array:
        return self._threshold_backward(dy, y, 0)

    def tanh(self, x: Array) -> Array:
        return self.torch.tanh(x)

    def tanh_backward(self, dy: Array, y: Array) -> Array:
        return dy * (1 - y * y)

    def exp(self, x: Array) -> Array:
        return self.torch.exp(x)

    def log(self, x: Array) -> Array:
        return self.torch.log(x)

    def log1p(self, x: Array) -> Array:
        return self.torch.log1p(x)

    def cos(self, x: Array) -> Array:
        return self.torch.cos(x)

    def abs(self, x: Array) -> Array:
        return self.torch.abs(x)

    def clip(self, x: Array, low: float, high: float) -> Array:
        return self.torch.clamp(x, low, high)

    def normalise(self, x: Array, mean: Array, rate: Array, low: Array, high: Array) -> Array:
        return ((x - mean) * rate).clamp_(low, high)

    def layer_norm(
        self, x: Array, gain: Array, offset: Array, eps: float
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        centred = x - self.row_means(x)
        rate = (self.row_means(centred * centred) + eps) ** -0.5
        unit = centred * rate
        return unit * gain + offset, unit, rate

    def layer_norm_backward(self, dy: Array, unit: Array, rate: Array, gain: Array) -> Array:
        d = dy * gain
        return (d - self.row_means(d) - unit * self.row_means(d * unit)) * rate

    # -- choosing -----------------------------------------------------------------------------
    def keep(self, x: Array, mask: Array, other: float) -> Array:
        return self.torch.masked_fill(x, ~mask, other)

    def max(self, a: Array, axis: int, keepdims: bool = False) -> Array:
        return self.torch.amax(a, axis, keepdim=keepdims)

    def sort(self, a: Array) -> Array:
        return self.torch.sort(a, 1)[0]

    def below(self, a: Array, x: Array) -> Array:
        return self.torch.searchsorted(a, x)

    def argmax(self, a: Array, axis: int) -> Array:
        return self.torch.argmax(a, axis)

    def gather(self, a: Array, index: Array) -> Array:
        """a[b, index[b]] for every row b: (B, A, …), (B,) → (B, …)."""
        if a.ndim == 2:
            return self.torch.gather(a, 1, index[:, None])[:, 0]
        return a[self.torch.arange(len(a), device=self.device), index]

    def take_along(self, a: Array, index: Array) -> Array:
        return self.torch.gather(a, 1, index)

    def scatter(self, index: Array, values: Array, width: int) -> Array:
        """The transpose of gather: zeros (B, width, …) but for a[b, index[b]] = values[b]."""
        out = self.zeros(len(index), width, *values.shape[1:])
        if values.ndim == 1:
            return out.scatter_(1, index[:, None], values[:, None])
        out[self.torch.arange(len(index), device=self.device), index] = values
        return out

    def scatter_add(self, index: Array, values: Array, width: int) -> Array:
        """a[b, index[b, m]] += values[b, m] for all m: (B, M), (B, M) → (B, width)."""
        return self.zeros(len(index), width).scatter_add_(1, index, values)

    def concat(self, arrays: list[Array]) -> Array:
        """Side by side: (B, I), (B, J), … → (B, I + J + …)."""
        return self.torch.cat(arrays, 1)

    def transpose(self, a: Array) -> Array:
        """aᵀ of a matrix, in memory of its own."""
        return a.t().clone(memory_format=self.torch.contiguous_format)

    # -- shared weights -----------------------------------------------------------------------
    # torch wants (B, C, H, W) and (O, C, k, k); permuting our arrays gives just that, as views
    # whose memory is "channels last", the faster layout.
    def conv2d(
        self, x: Array, W: Array, b: Array | None, stride: int, padding: int
    ) -> tuple[Array, Array]:
        y = self.torch.conv2d(x.permute(0, 3, 1, 2), self._kernels(W), b, stride, padding)
        return y.permute(0, 2, 3, 1), None

    def conv2d_backward(
        self, dy: Array, x: Array, patches: Array, W: Array, stride: int, padding: int,
        dW: Array, db: Array | None, inputs: bool,
    ) -> Array | None:  # fmt: skip
        dx, dW_new, db_new = self._convolution_backward(
            dy.permute(0, 3, 1, 2), x[: len(dy)].permute(0, 3, 1, 2), self._kernels(W),
            [W.shape[3]], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1,
            [inputs, True, db is not None],
        )  # fmt: skip
        dW.copy_(dW_new.permute(2, 3, 1, 0))
        if db is not None:
            db.copy_(db_new)
        return dx.permute(0, 2, 3, 1) if inputs else None

    def _kernels(self, W: Array) -> Array:
        """(k, k, C, O) → (O, C, k, k).   One filter has no channel order that torch could read off
        its strides: its backward guesses "channels last", then refuses what it made by it."""
        kernels = W.permute(3, 2, 0, 1)
        return kernels.contiguous() if W.shape[3] == 1 else kernels

    def maxpool2d(self, x: Array, size: int) -> tuple[Array, Array]:
        y, winner = self._pool(x.permute(0, 3, 1, 2), [size, size], [size, size])
        return y.permute(0, 2, 3, 1), winner

    def maxpool2d_backward(self, dy: Array, x: Array, winner: Array, size: int) -> Array:
        dx = self._pool_backward(
            dy.permute(0, 3, 1, 2), x[: len(dy)].permute(0, 3, 1, 2),
            [size, size], [size, size], [0, 0], [1, 1], False, winner[: len(dy)],
        )  # fmt: skip
        return dx.permute(0, 2, 3, 1)

    # -- whole-vector updates -----------------------------------------------------------------
    def lerp(self, a: Array, b: Array, weight: float) -> None:
        """a ← a + weight (b − a), in place."""
        a.lerp_(b, weight)

    def adam(
        self, params: Array, grads: Array, m: Array, v: Array, step: int,
        lr: float, beta1: float, beta2: float, eps: float, decay: float,
    ) -> None:  # fmt: skip
        """Adam's equations (drl.nn.optim.Adam) in one fused pass over memory."""
        t = self.torch.full((), float(step), device=self.device)
        self.torch._fused_adamw_(
            [params], [grads], [m], [v], [], [t], lr=lr, beta1=beta1, beta2=beta2,
            weight_decay=decay, eps=eps, amsgrad=False, maximize=False,
        )  # fmt: skip


@cache
def _one_thread_after_fork() -> None:
    """A forked process has torch's pool of threads by name alone, and waits for them for ever."""
    set_num_threads = importlib.import_module("torch").set_num_threads
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: set_num_threads(1))


def _plain(x: Array) -> Array:
    """Memory that torch takes: it refuses reversed and byte-swapped arrays, warns at read-only."""
    if isinstance(x, np.ndarray) and not (x.flags.carray and x.dtype.isnative):
        return np.array(x, x.dtype.newbyteorder("="), order="C")
    return x
