"""The array operations on numpy: their names and meanings, which drl.nn.ops_torch shares.

Shapes: B batch, I inputs, O outputs, H×W image, C channels.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from drl.nn.constants import Constants

Array = Any  # numpy.ndarray or torch.Tensor; one program never mixes them


class NumpyOps:
    """Array operations; arrays are numpy.ndarray.   drl.nn.ops.make_ops gives the shared object.

    dtype     "float32" or "float64"
    smallest  the smallest normal number: below lie the subnormal ones, which are slow
    lowest    the least finite number
    """

    name = "numpy"

    def __init__(self, dtype: str = "float32", device: str = "cpu") -> None:
        if device != "cpu":
            raise ValueError(f"backend numpy runs on the cpu only, not on {device!r}; take torch")
        self.dtype = np.dtype(dtype)
        self.device = device
        self.smallest = float(np.finfo(dtype).tiny)
        self.lowest = float(np.finfo(dtype).min)
        self._ones = Constants(partial(np.ones, dtype=self.dtype))  # by length
        self._shares = Constants(self._share)  # by length
        self._zeros = Constants(partial(np.zeros, dtype=self.dtype))  # by shape
        self._rows = Constants(np.arange)  # by length

    def _share(self, length: int) -> np.ndarray:
        return np.full((length, 1), 1 / length, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> NumpyOps:
        return self  # nothing in it changes: copies of networks share it

    # -- coming and going ---------------------------------------------------------------------
    def asarray(self, x: Array) -> Array:
        """x as an array of this library, precision and device; itself where it is one."""
        return np.asarray(x, self.dtype)

    def double(self, x: Array) -> Array:
        """x in float64, for sums whose digits count."""
        return np.asarray(x, np.float64)

    def indices(self, x: Array) -> Array:
        """x as 64-bit integers of this library; fractions are cut off."""
        return np.asarray(x, np.int64)

    def booleans(self, x: Array) -> Array:
        """x as truth values of this library."""
        return np.asarray(x, np.bool_)

    def numpy(self, x: Array) -> np.ndarray:
        """x as a numpy array; of the same memory where it is on the CPU."""
        return np.asarray(x)

    def zeros(self, *shape: int) -> Array:
        """An array of zeros of that shape.   MemoryError where there is no room."""
        try:
            return np.zeros(shape, self.dtype)
        except ValueError as error:  # more than 64 bits can count
            raise no_room(shape) from error

    def share(self, a: Array, b: Array) -> bool:
        """Whether two arrays share memory."""
        return np.may_share_memory(a, b)

    # -- products and sums --------------------------------------------------------------------
    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """ab of two matrices, into `out` where it is given."""
        return np.dot(a, b, out=out)  # 2-D only; a little less overhead than np.matmul

    def linear(self, x: Array, W: Array, b: Array | None) -> Array:
        """xW + b: (B, I), (I, O), (O,) → (B, O)."""
        y = np.dot(x, W)
        if b is not None:
            self._add_rows(y, b)
        return y

    def _add_rows(self, y: Array, b: Array) -> None:
        """y[b, o] += b[o], in place."""
        y += b

    def linear_backward(self, dy: Array, W: Array) -> Array:
        """dy Wᵀ: (B, O), (I, O) → (B, I).

        For few rows as (W dyᵀ)ᵀ: this BLAS transposes a wide W, which costs more than transposing
        the result.
        """
        if len(dy) * 8 <= len(W):
            return np.ascontiguousarray(np.dot(W, dy.T).T)
        return np.dot(dy, W.T)

    def sum_rows(self, a: Array, out: Array | None = None) -> Array:
        """Σ_b a[b]: (B, O) → (O,), into `out` where it is given."""
        return np.dot(self._ones[len(a)], a, out=out)  # 1ᵀa: BLAS

    def sum(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        """The sum over an axis; None: over all."""
        return a.sum(axis=axis, keepdims=keepdims)

    def mean(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        """The mean over an axis; None: over all."""
        return a.mean(axis=axis, keepdims=keepdims)

    def prefix_sums(self, a: Array) -> Array:
        """Σ_{j<n} a[b, j] for n = 0 … K: (B, K) → (B, K + 1)."""
        sums = np.zeros((len(a), a.shape[1] + 1), a.dtype)
        np.cumsum(a, axis=1, out=sums[:, 1:])
        return sums

    def row_means(self, a: Array) -> Array:
        """The mean of every row: (B, D) → (B, 1)."""
        return np.dot(a, self._shares[a.shape[1]])  # BLAS: ten times as fast as `mean`

    def norm(self, a: Array) -> float:
        """‖a‖ = √Σ a² of a vector (P,), on the host."""
        return math.sqrt(np.dot(a, a))

    # -- elementwise --------------------------------------------------------------------------
    def relu(self, x: Array) -> Array:
        """max(0, x)."""
        return np.maximum(x, self._zeros[x.shape])

    def relu_backward(self, dy: Array, y: Array) -> Array:
        """dy · 1[y > 0], y = relu(x)."""
        return dy * (y > 0)

    def tanh(self, x: Array) -> Array:
        return np.tanh(x)

    def tanh_backward(self, dy: Array, y: Array) -> Array:
        """dy (1 − y²), y = tanh(x)."""
        return dy * (1 - y * y)

    def exp(self, x: Array) -> Array:
        return np.exp(x)

    def log(self, x: Array) -> Array:
        return np.log(x)

    def log1p(self, x: Array) -> Array:
        return np.log1p(x)

    def cos(self, x: Array) -> Array:
        return np.cos(x)

    def abs(self, x: Array) -> Array:
        return np.abs(x)

    def clip(self, x: Array, low: float, high: float) -> Array:
        """min(max(x, low), high)."""
        return np.minimum(np.maximum(x, self.dtype.type(low)), self.dtype.type(high))

    def normalise(self, x: Array, mean: Array, rate: Array, low: Array, high: Array) -> Array:
        """min(max((x − mean) · rate, low), high); x (B, *shape), all else (*shape) or its last."""
        y = x - mean
        y *= rate
        np.minimum(y, high, out=y)
        return np.maximum(y, low, out=y)

    def layer_norm(
        self, x: Array, gain: Array, offset: Array, eps: float
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """γ ⊙ x̂ + β, x̂ = (x − m)/√(v + ε) and 1/√(v + ε); m, v: mean and variance of each row.

        x (R, D), gain γ and offset β (D,) → (R, D), (R, D), (R, 1).
        """
        centred = x - self.row_means(x)  # x − m
        rate = self.row_rates(centred * centred, eps)  # 1/√(v + ε)
        unit = centred * rate  # x̂
        y = unit * gain
        y += offset
        return y, unit, rate

    def row_rates(self, squares: Array, eps: float) -> Array:
        """1/√(v + ε), v the mean of every row: (R, D) → (R, 1)."""
        rate: Array = (self.row_means(squares) + eps) ** -0.5
        return rate

    def layer_norm_backward(self, dy: Array, unit: Array, rate: Array, gain: Array) -> Array:
        """∂L/∂x = (dx̂ − mean dx̂ − x̂ mean(dx̂ ⊙ x̂))/√(v + ε),  dx̂ = dy ⊙ γ: (R, D)."""
        d = dy * gain  # dx̂
        return (d - self.row_means(d) - unit * self.row_means(d * unit)) * rate

    # -- choosing -----------------------------------------------------------------------------
    def keep(self, x: Array, mask: Array, other: float) -> Array:
        """x where the mask is true, else the number `other`."""
        return np.where(mask, x, self.dtype.type(other))

    def max(self, a: Array, axis: int, keepdims: bool = False) -> Array:
        """The maximum over an axis."""
        return a.max(axis=axis, keepdims=keepdims)

    def sort(self, a: Array) -> Array:
        """The numbers of each row in ascending order: (B, I)."""
        return np.sort(a, axis=1)

    def below(self, a: Array, x: Array) -> Array:
        """How many numbers of a row are below each x of the row: integers, (B, N).

        a  (B, K) float64, rows in ascending order;  x  (B, N) float64
        """
        return np.stack([row.searchsorted(own) for row, own in zip(a, x, strict=True)])

    def argmax(self, a: Array, axis: int) -> Array:
        """Index of the maximum along an axis, the first of equal ones."""
        return a.argmax(axis=axis)

    def gather(self, a: Array, index: Array) -> Array:
        """a[b, index[b]] for every row b: (B, A, …), (B,) → (B, …)."""
        return a[self._rows[len(a)], index]

    def take_along(self, a: Array, index: Array) -> Array:
        """a[b, index[b, n]] for every row b and all n: (B, K), (B, N) → (B, N)."""
        return a[self._rows[len(a)][:, None], index]

    def scatter(self, index: Array, values: Array, width: int) -> Array:
        """The transpose of gather: zeros (B, width, …) but for a[b, index[b]] = values[b]."""
        out = np.zeros((len(index), width, *values.shape[1:]), self.dtype)
        out[self._rows[len(index)], index] = values
        return out

    def scatter_add(self, index: Array, values: Array, width: int) -> Array:
        """a[b, index[b, m]] += values[b, m] for all m: (B, M), (B, M) → (B, width)."""
        rows = len(index)
        flat = index + width * self._rows[rows][:, None]
        sums = np.bincount(flat.reshape(-1), values.reshape(-1), rows * width)
        return sums.reshape(rows, width).astype(self.dtype)

    def concat(self, arrays: list[Array]) -> Array:
        """Side by side: (B, I), (B, J), … → (B, I + J + …)."""
        return np.concatenate(arrays, axis=1)

    def transpose(self, a: Array) -> Array:
        """aᵀ of a matrix, in memory of its own."""
        return a.T.copy()

    # -- shared weights -----------------------------------------------------------------------
    def conv2d(
        self, x: Array, W: Array, b: Array | None, stride: int, padding: int
    ) -> tuple[Array, Array]:
        """y[p] = patch(p) W + b at every position p: one matrix product over all patches.

        x (B, H, W, C), W (k, k, C, O) → y (B, H', W', O), and the patches for the way back.
        """
        k, _, _, outputs = W.shape
        if padding:
            x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        x = np.ascontiguousarray(x)
        batch, height, width, channels = x.shape
        rows, cols = (height - k) // stride + 1, (width - k) // stride + 1
        sb, sh, sw, sc = x.strides
        windows = as_strided(
            x, (batch, rows, cols, k, k, channels), (sb, sh * stride, sw * stride, sh, sw, sc)
        )
        patches = windows.reshape(batch * rows * cols, k * k * channels)  # copies: im2col
        y = self.linear(patches, W.reshape(-1, outputs), b)
        return y.reshape(batch, rows, cols, outputs), patches

    def conv2d_backward(
        self, dy: Array, x: Array, patches: Array, W: Array, stride: int, padding: int,
        dW: Array, db: Array | None, inputs: bool,
    ) -> Array | None:  # fmt: skip
        """dW ← Σ_p patch(p)ᵀ dy[p], db ← Σ_p dy[p]; ∂L/∂x: (B, H, W, C), None unless `inputs`."""
        k, _, channels, outputs = W.shape
        batch, rows, cols, _ = dy.shape
        dy_rows = dy.reshape(-1, outputs)
        self.matmul(patches[: len(dy_rows)].T, dy_rows, out=dW.reshape(-1, outputs))
        if db is not None:
            self.sum_rows(dy_rows, out=db)
        if not inputs:
            return None
        dpatches = np.dot(dy_rows, W.reshape(-1, outputs).T)
        dpatches = dpatches.reshape(batch, rows, cols, k, k, channels)
        _, height, width, _ = x.shape
        dx = np.zeros((batch, height + 2 * padding, width + 2 * padding, channels), self.dtype)
        for i in range(k):  # every patch adds to the pixels it saw
            for j in range(k):
                dx[:, i : i + rows * stride : stride, j : j + cols * stride : stride] += dpatches[
                    :, :, :, i, j
                ]
        return dx[:, padding : padding + height, padding : padding + width]

    def maxpool2d(self, x: Array, size: int) -> tuple[Array, Array]:
        """y = max over size×size windows side by side; and which pixel of the window it was."""
        shifts = [(i, j) for i in range(size) for j in range(size)]
        rows, cols = x.shape[1] // size, x.shape[2] // size
        y = x[:, : rows * size : size, : cols * size : size].copy()
        number = np.min_scalar_type(size * size).type  # a byte, but for windows above 15×15
        winner = np.zeros(y.shape, number)
        for n, (i, j) in enumerate(shifts[1:], start=1):
            candidate = x[:, i : rows * size : size, j : cols * size : size]
            np.maximum(winner, np.greater(candidate, y) * number(n), out=winner)  # n only grows
            np.maximum(y, candidate, out=y)
        return y, winner

    def maxpool2d_backward(self, dy: Array, x: Array, winner: Array, size: int) -> Array:
        """∂L/∂x: dy at the largest pixel of each window, else 0."""
        rows, cols = dy.shape[1:3]
        dx = np.zeros((len(dy), *x.shape[1:]), self.dtype)
        for n in range(size * size):
            i, j = divmod(n, size)
            dx[:, i : rows * size : size, j : cols * size : size] = dy * (winner[: len(dy)] == n)
        return dx

    # -- whole-vector updates -----------------------------------------------------------------
    def lerp(self, a: Array, b: Array, weight: float) -> None:
        """a ← a + weight (b − a), in place."""
        step = b - a
        step *= self.dtype.type(weight)
        a += step

    def adam(
        self, params: Array, grads: Array, m: Array, v: Array, step: int,
        lr: float, beta1: float, beta2: float, eps: float, decay: float,
    ) -> None:  # fmt: skip
        """Adam's equations (drl.nn.optim.Adam) in the order of Kingma & Ba 2015, end of section 2:

        θ ← θ − α√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε√(1−β₂ᵗ)): the bias corrections as two scalars.
        """
        rest1, rest2, eps, rate, keep = map(
            self.dtype.type, adam_scalars(step, lr, beta1, beta2, eps, decay)
        )
        work = grads - m
        work *= rest1
        m += work  # m ← β₁m + (1−β₁)g
        np.multiply(grads, grads, out=work)
        work -= v
        work *= rest2
        v += work  # v ← β₂v + (1−β₂)g²
        np.sqrt(v, out=work)
        work += eps
        np.divide(m, work, out=work)
        work *= rate
        if decay:
            params *= keep
        params -= work


def adam_scalars(
    step: int, lr: float, beta1: float, beta2: float, eps: float, decay: float
) -> tuple[float, float, float, float, float]:
    """1−β₁, 1−β₂, ε√(1−β₂ᵗ), α√(1−β₂ᵗ)/(1−β₁ᵗ), 1−αλ: what one step is made of, t = step."""
    correction = math.sqrt(1 - beta2**step)
    rate = lr * correction / (1 - beta1**step)
    return 1 - beta1, 1 - beta2, eps * correction, rate, 1 - lr * decay


def no_room(shape: tuple[int, ...]) -> MemoryError:
    return MemoryError(f"no room for an array of {' × '.join(map(str, shape))} numbers")
