"""Losses: the value L, and right beside it ∂L/∂output.

Each is called as `value, dy = loss(y, target)`.  L is the mean over the batch of the sum over the
outputs, for the value and for the gradient alike, however many outputs there are.  Both are arrays
of the network's library.  ValueError where y and target do not fit: nothing is broadcast.

Shapes: B examples, K outputs or classes, N quantiles or atoms, M of the target.
"""

from __future__ import annotations

import numpy as np

from drl.nn.layers import sigmoid
from drl.nn.ops import Array, Ops


class Bernoulli:
    """L = −(1/B) Σ_b Σ_k [t log p + (1 − t) log(1 − p)] with p = σ(z): minus the log-likelihood.

    ∂L/∂z = (p − t)/B: ∂L/∂p · ∂p/∂z of the course notes, after everything cancels.  On logits
    log p = −log(1 + e⁻ᶻ) never overflows.

    z  (B, K) logits;  t  (B, K) in [0, 1].   ValueError where the shapes differ.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def __call__(self, z: Array, t: Array) -> tuple[Array, Array]:
        ops, t = self.ops, self.ops.asarray(t)
        _same_shape(z.shape, t.shape)
        # −t log σ(z) − (1−t) log(1−σ(z)) = max(z, 0) − z t + log(1 + e^−|z|)
        terms = ops.relu(z) - z * t + ops.log1p(ops.exp(-ops.abs(z)))  # (B, K)
        value = ops.sum(terms) / len(z)  # L
        dz = (sigmoid(ops, z) - t) / len(z)  # ∂L/∂z = (σ(z) − t)/B
        return value, dz


class SoftmaxCrossEntropy:
    """L = −(1/B) Σ_b log p[b, t_b] with p = softmax(z): many outputs, one of them right.

    ∂L/∂z[b, k] = (p[b, k] − 1[k = t_b])/B.   Bridle 1990.

    z  (B, K) logits;  t  (B,) the right class of each example, an integer, 0 ≤ t < K.   ValueError
    where t is not.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def __call__(self, z: Array, t: Array) -> tuple[Array, Array]:
        ops, labels = self.ops, self.ops.numpy(t)
        _classes(labels, z.shape[1])  # as given: labels from the host need no read of the device
        t = ops.indices(t)
        _same_shape(z.shape[:1], t.shape)
        z = z - ops.max(z, axis=1, keepdims=True)  # leaves softmax(z) as it is; e^z ≤ 1
        e = ops.exp(z)  # (B, K)
        total = ops.sum(e, axis=1, keepdims=True)  # Σ_k e^z: (B, 1)
        value = ops.mean(ops.log(total[:, 0]) - ops.gather(z, t))  # −log p_t = log Σe^z − z_t
        one_hot = ops.scatter(t, ops.zeros(len(z)) + 1, z.shape[1])  # 1[k = t]: (B, K)
        dz = (e / total - one_hot) / len(z)  # ∂L/∂z = (p − 1[k = t])/B
        return value, dz


class MSE:
    """L = (1/B) Σ_b Σ_k (y − t)²;  ∂L/∂y = 2 (y − t)/B.   y, t: (B, K).

    ValueError where the shapes differ.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def __call__(self, y: Array, t: Array) -> tuple[Array, Array]:
        t = self.ops.asarray(t)
        _same_shape(y.shape, t.shape)
        delta = y - t  # (B, K)
        return self.ops.sum(delta * delta) / len(y), delta * (2.0 / len(y))  # L, ∂L/∂y


class Huber:
    """L = (1/B) Σ h(y − t);  h(δ) = ½δ² where |δ| ≤ κ, else κ(|δ| − ½κ).   Huber 1964.

    ∂L/∂y = clip(y − t, ±κ)/B.  Not the square of a clipped error, whose gradient would vanish
    outside ±κ (Mnih et al. 2015, Methods, "error clipping").

    y, t  (B,) or (B, K).   ValueError where the shapes differ, or κ is not above 0.
    """

    def __init__(self, ops: Ops, kappa: float = 1.0) -> None:
        if not kappa > 0:
            raise ValueError(f"Huber needs kappa > 0, got {kappa}")
        self.ops, self.kappa = ops, kappa

    def __call__(self, y: Array, t: Array) -> tuple[Array, Array]:
        t = self.ops.asarray(t)
        _same_shape(y.shape, t.shape)
        delta = y - t  # (B,) or (B, K)
        return self.value(delta), self.gradient(delta)

    def value(self, delta: Array) -> Array:
        """L from the errors δ = y − t, (B,) or (B, K)."""
        clipped = self.ops.clip(delta, -self.kappa, self.kappa)  # c = clip(δ, ±κ)
        return self.ops.sum(clipped * (delta - 0.5 * clipped)) / len(delta)  # h(δ) = c(δ − ½c)

    def gradient(self, delta: Array, weight: Array | float = 1.0) -> Array:
        """∂L/∂y from the errors δ = y − t, of δ's shape; weight (B,) of each example in L."""
        return self.ops.clip(delta, -self.kappa, self.kappa) * (weight / len(delta))  # w clip(δ)/B


class QuantileHuber:
    """L = (1/B) Σ_b Σ_i (1/M) Σ_j |τ_i − 1[δ_ij < 0]| h(δ_ij)/κ,  δ_ij = t_j − y_i.

    ∂L/∂y_i = −(1/BM) Σ_j |τ_i − 1[δ_ij < 0]| clip(δ_ij, ±κ)/κ.   Dabney et al. 2018 (QR-DQN), eq. 9
    and 10.  h is Huber's loss; an underestimate costs τ, an overestimate 1 − τ, so the minimum lies
    where y_i is the τ_i-quantile of the targets.

    y    (B, N) quantiles
    t    (B, M) samples or quantiles of the target's distribution
    tau  (N,), (1, N) or (B, N) fractions of the quantiles

    ValueError where the batches differ, or κ is not above 0.
    """

    def __init__(self, ops: Ops, kappa: float = 1.0) -> None:
        if not kappa > 0:
            raise ValueError(f"quantile Huber needs kappa > 0, got {kappa}")
        self.ops, self.kappa = ops, kappa

    def __call__(self, y: Array, t: Array, tau: Array) -> tuple[Array, Array]:
        return self.value(y, t, tau), self.gradient(y, t, tau)

    def value(self, y: Array, t: Array, tau: Array) -> Array:
        """L.   Arguments as in the call."""
        delta, pull = self._pull(y, t, tau)  # (B, N, M)
        half = 0.5 * self.ops.clip(delta, -self.kappa, self.kappa)
        return self.ops.sum(pull * (delta - half)) / len(y)  # h(δ) = clip(δ)(δ − ½clip(δ))

    def gradient(self, y: Array, t: Array, tau: Array) -> Array:
        """∂L/∂y: (B, N).   Arguments as in the call."""
        return self.ops.sum(self._pull(y, t, tau)[1], axis=2) * (-1.0 / len(y))  # −(1/B) Σ_j pull

    def _pull(self, y: Array, t: Array, tau: Array) -> tuple[Array, Array]:
        """δ_ij, and |τ_i − 1[δ_ij < 0]| clip(δ_ij, ±κ)/κM, the pull of t_j at y_i: (B, N, M)."""
        ops, t = self.ops, self.ops.asarray(t)
        _same_shape(y.shape[:1], t.shape[:1])
        delta = t[:, None, :] - y[:, :, None]  # δ_ij = t_j − y_i
        side = ops.abs(tau[..., None] - ops.asarray(delta < 0))  # |τ_i − 1[δ_ij < 0]|
        side *= 1.0 / (self.kappa * t.shape[1])
        return delta, side * ops.clip(delta, -self.kappa, self.kappa)


class SortedQuantileHuber(QuantileHuber):
    """The same loss; its gradient in O((N + M) log M) steps an example in place of O(N·M).

    c(x) = Σ_{t_j<x} (x − t_j) = n x − S_n,  where n targets are below x, found by binary search
    among them in ascending order, and S_n = Σ_{j<n} t_j, the n smallest.  A clipped difference is a
    difference of two that are not:

    over_i = Σ_{t_j<y_i} min(y_i − t_j, κ) = c(y_i) − c(y_i − κ)
    under_i = Σ_{t_j≥y_i} min(t_j − y_i, κ) = κM + c(y_i) − c(y_i + κ)
    ∂L/∂y_i = [(1 − τ_i) over_i − τ_i under_i]/(BMκ).

    Arguments and errors as in QuantileHuber; t in any order.
    """

    def gradient(self, y: Array, t: Array, tau: Array) -> Array:
        ops, kappa, t = self.ops, self.kappa, self.ops.asarray(t)
        _same_shape(y.shape[:1], t.shape[:1])
        rows, M = t.shape
        t, y = ops.double(ops.sort(t)), ops.double(y)
        middle = ops.mean(t, axis=1, keepdims=True)
        t, y = t - middle, y - middle  # large sums lose digits; all of a row is NaN where a t is
        S = ops.prefix_sums(t)  # (B, M + 1)

        def c(x: Array) -> Array:
            n = ops.below(t, x)
            return n * x - ops.take_along(S, n)

        at = c(y)
        over, under = at - c(y - kappa), kappa * M + at - c(y + kappa)  # (B, N)
        return ops.asarray(((1 - tau) * over - tau * under) / (rows * M * kappa))


class CategoricalCrossEntropy:
    """L = −(1/B) Σ_b Σ_i m[b, i] log p[b, i] with p = softmax(z): a whole distribution to match.

    ∂L/∂z = (p − m)/B.

    z  (B, N) logits;  m  (B, N), every row a distribution.   ValueError where the shapes differ.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def __call__(self, z: Array, m: Array) -> tuple[Array, Array]:
        m = self.ops.asarray(m)
        _same_shape(z.shape, m.shape)
        log_p = log_softmax(self.ops, z)  # (B, N)
        return self.value(log_p, m), self.gradient(log_p, m)

    def value(self, log_p: Array, m: Array) -> Array:
        """L from log p = log softmax(z): (B, N)."""
        return -self.ops.sum(m * log_p) / len(m)

    def gradient(self, log_p: Array, m: Array) -> Array:
        """∂L/∂z = (p − m)/B: (B, N)."""
        return (self.ops.exp(log_p) - m) * (1.0 / len(m))


def log_softmax(ops: Ops, z: Array, axis: int = -1) -> Array:
    """log softmax(z) = z − log Σ e^z over an axis, of z's shape; e^z cannot overflow."""
    z = z - ops.max(z, axis=axis, keepdims=True)
    return z - ops.log(ops.sum(ops.exp(z), axis=axis, keepdims=True))


def _classes(labels: np.ndarray, count: int) -> None:
    """ValueError unless all labels are integers in 0 … count − 1.

    As an index −1 would count from the end, and 1.7 be cut to 1, silently.
    """
    if labels.dtype.kind not in "iu":  # True and False are classes 1 and 0 only if somebody says so
        raise ValueError(f"labels must be integers in 0 … {count - 1}, got {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= count:
        raise ValueError(f"labels must be in 0 … {count - 1}, got {low if low < 0 else high}")


def _same_shape(expected: tuple[int, ...], got: tuple[int, ...]) -> None:
    """ValueError where the shapes differ: (B, 1) against (B,) would silently become (B, B)."""
    if got != expected:
        raise ValueError(f"targets must have shape {tuple(expected)}, got {tuple(got)}")
