"""Distributions of actions: what a policy's network says is z, and from z comes log π(a).

Each has the equation first and its derivative by z right beside it.  z (B, outputs) is an array of
the network's library; what is drawn, and a mode, are numpy's, on their way to an environment.  g_b
= ∂L/∂log π(a_b) and h_b = ∂L/∂H_b come from the loss; entropies and divergences are in nats.

Inside, z lies in columns, (outputs, B): a sum over few actions is then a few passes over rows, not
a short loop for every example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from drl.nn.layers import sigmoid
from drl.nn.losses import log_softmax
from drl.nn.ops import Array, Ops

FORBIDDEN = -1e8  # logit of an action that is not allowed; of −∞ would come 0 · ∞ = NaN


class Fitted(NamedTuple):
    """log π(a) and entropy of a batch, and the way back."""

    log_prob: Array  # (B,)
    entropy: Array  # (B,)
    pullback: Callable[[Array, Array | float], Array]
    """g = ∂L/∂log π (B,), h = ∂L/∂H (B,) or one number for all → ∂L/∂z (B, outputs)."""


class Divergence(NamedTuple):
    """KL(π_z ‖ π_other) of a batch, and the way back to both."""

    value: Array  # (B,)
    pullback: Callable[[Array], tuple[Array, Array]]
    """d = ∂L/∂KL (B,) → ∂L/∂z and ∂L/∂z_other, both (B, outputs)."""


class Distribution(Protocol):
    """A distribution of actions given z, the network's output: (B, outputs).

    A sample is what `log_prob` and `fit` take, and what a memory keeps; `action` makes of it what
    the environment is given: the same array, but for squashed actions.

    mask  truth values, false where an action is not allowed: (B, outputs), of switches (B, 2
          outputs); None: all are
    """

    outputs: int  # numbers of z

    def sample(self, z: Array, rng: np.random.Generator, mask: Array | None = None) -> np.ndarray:
        """A sample for each row of z."""

    def mode(self, z: Array, mask: Array | None = None) -> np.ndarray:
        """The most probable sample of each row."""

    def action(self, sample: np.ndarray) -> np.ndarray:
        """The environment's action of each sample."""

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        """The sample of each action."""

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        """log π(a) of samples a: (B,), without a way back."""

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        """log π(a) and entropy with their derivative by z."""

    def kl(self, z: Array, other: Array, mask: Array | None = None) -> Divergence:
        """KL(π_z ‖ π_other) = E_{a ~ π_z} [log π_z(a) − log π_other(a)]."""


class Categorical(Distribution):
    """π(a = k) = p_k = e^{z_k}/Σ_j e^{z_j}: one of n actions.   a: (B,) integers in 0 … n − 1.

    Forbidden actions have the logit −1e8: probability and gradient are exactly 0.

    n  number of actions.   ValueError below 1.
    """

    def __init__(self, ops: Ops, n: int) -> None:
        if n < 1:
            raise ValueError(f"a categorical distribution needs at least 1 action, got {n}")
        self.ops, self.outputs = ops, int(n)
        self.classes = ops.indices(np.arange(n)[:, None])  # (n, 1)

    def sample(self, z: Array, rng: np.random.Generator, mask: Array | None = None) -> np.ndarray:
        """argmax_k (z_k − log E_k), E_k ~ Exp(1): Gumbel's trick, four times as fast as searching
        the cumulated p.  float64: in float32 E has too few values for probabilities of 1e-6.
        """
        logits = _allowed(self.ops.numpy(z), mask)
        chosen = (logits - np.log(rng.standard_exponential(logits.shape))).argmax(1)
        return np.asarray(chosen)

    def mode(self, z: Array, mask: Array | None = None) -> np.ndarray:
        return np.asarray(_allowed(self.ops.numpy(z), mask).argmax(1))

    def action(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        return action

    def probs(self, z: Array, mask: Array | None = None) -> Array:
        """p = softmax(z): (B, n)."""
        return self.ops.exp(self._log_p(z, mask)).T

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        """ValueError where an action is none of 0 … n − 1: `fit` takes the samples for its own."""
        one_hot = self._one_hot(z, a)
        if float(self.ops.sum(one_hot)) != z.shape[0]:
            raise ValueError(f"actions must be integers in 0 … {self.outputs - 1}")
        return self.ops.sum(self._log_p(z, mask) * one_hot, axis=0)  # log p_a

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        ops, log_p, one_hot = self.ops, self._log_p(z, mask), self._one_hot(z, a)
        p = ops.exp(log_p)  # (n, B)
        entropy = -ops.sum(p * log_p, axis=0)  # H = −Σ_k p_k log p_k

        def backward(g: Array, h: Array | float) -> Array:
            # ∂L/∂z_k = g (1[k = a] − p_k) − h p_k (log p_k + H)
            return (g * (one_hot - p) - h * p * (log_p + entropy)).T

        return Fitted(ops.sum(log_p * one_hot, axis=0), entropy, backward)

    def kl(self, z: Array, other: Array, mask: Array | None = None) -> Divergence:
        ops, log_p, log_q = self.ops, self._log_p(z, mask), self._log_p(other, mask)
        p, ratio = ops.exp(log_p), log_p - log_q  # (n, B)
        value = ops.sum(p * ratio, axis=0)  # KL = Σ_k p_k (log p_k − log q_k)

        def backward(d: Array) -> tuple[Array, Array]:
            dz = d * p * (ratio - value)  # ∂L/∂z_k = d p_k (log p_k − log q_k − KL)
            return dz.T, (d * (ops.exp(log_q) - p)).T  # ∂L/∂z_other = d (q_k − p_k)

        return Divergence(value, backward)

    def _log_p(self, z: Array, mask: Array | None) -> Array:
        """log softmax(z) in columns: (n, B)."""
        return log_softmax(self.ops, _columns(self.ops, z, mask), axis=0)

    def _one_hot(self, z: Array, a: Array) -> Array:
        """1[k = a_b]: (n, B)."""
        a = self.ops.indices(a)
        require_actions(a, (z.shape[0],))
        return self.ops.asarray(self.classes == a)


class MultiCategorical(Distribution):
    """π(a) = Π_d p_d(a_d): several choices at once, apart from one another.

    a: (B, D) integers, a_d in 0 … n_d − 1;  z and mask have the Σ n_d columns side by side.

    nvec  n_d of each choice.   ValueError where one is below 1, or there is none.
    """

    def __init__(self, ops: Ops, nvec: Sequence[int]) -> None:
        if not len(nvec):
            raise ValueError("several choices need at least 1 of them, got none")
        self.ops = ops
        self.parts = [Categorical(ops, n) for n in nvec]
        ends = np.cumsum([part.outputs for part in self.parts]).tolist()
        self.outputs = ends[-1]
        self.spans = [slice(i, j) for i, j in zip([0, *ends[:-1]], ends, strict=True)]

    def sample(self, z: Array, rng: np.random.Generator, mask: Array | None = None) -> np.ndarray:
        return np.stack([d.sample(own, rng, m) for d, own, m in self._each(z, mask)], axis=1)

    def mode(self, z: Array, mask: Array | None = None) -> np.ndarray:
        return np.stack([d.mode(own, m) for d, own, m in self._each(z, mask)], axis=1)

    def action(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        return action

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        a, each = self._choices(z, a), self._each(z, mask)
        return sum(d.log_prob(own, a[:, i], m) for i, (d, own, m) in enumerate(each))  # Σ_d log p_d

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        a, each = self._choices(z, a), self._each(z, mask)
        fits = [d.fit(own, a[:, i], m) for i, (d, own, m) in enumerate(each)]

        def backward(g: Array, h: Array | float) -> Array:
            return self.ops.concat([fit.pullback(g, h) for fit in fits])

        return Fitted(sum(f.log_prob for f in fits), sum(f.entropy for f in fits), backward)

    def kl(self, z: Array, other: Array, mask: Array | None = None) -> Divergence:
        each = zip(self._each(z, mask), self.spans, strict=True)
        parts = [d.kl(own, other[:, span], m) for (d, own, m), span in each]

        def backward(d: Array) -> tuple[Array, Array]:
            dz, d_other = zip(*(part.pullback(d) for part in parts), strict=True)
            return self.ops.concat(list(dz)), self.ops.concat(list(d_other))

        return Divergence(sum(part.value for part in parts), backward)

    def _each(self, z: Array, mask: Array | None) -> list[tuple[Categorical, Array, Array | None]]:
        """Every choice with its own columns of z and of the mask."""
        return [
            (part, z[:, span], None if mask is None else mask[:, span])
            for part, span in zip(self.parts, self.spans, strict=True)
        ]

    def _choices(self, z: Array, a: Array) -> Array:
        a = self.ops.indices(a)
        require_actions(a, (z.shape[0], len(self.parts)))
        return a


class BernoulliActions(Distribution):
    """π(a) = Π_k p_k^{a_k} (1 − p_k)^{1 − a_k},  p = σ(z): k switches.   a: (B, k) of 0 and 1.

    A mask has two truth values for each switch, may it be 0 and may it be 1: (B, 2k).  One that
    may not be 1 has the logit −1e8, one that may not be 0 has +1e8: gradients are exactly 0.

    k  number of switches.   ValueError below 1.
    """

    def __init__(self, ops: Ops, k: int) -> None:
        if k < 1:
            raise ValueError(f"switches need to be at least 1, got {k}")
        self.ops, self.outputs = ops, int(k)

    def sample(self, z: Array, rng: np.random.Generator, mask: Array | None = None) -> np.ndarray:
        p = 0.5 * (1 + np.tanh(0.5 * self.ops.numpy(self._logits(z, mask))))  # σ(z)
        return (rng.random(p.shape) < p).astype(np.int8)

    def mode(self, z: Array, mask: Array | None = None) -> np.ndarray:
        return (self.ops.numpy(self._logits(z, mask)) > 0).astype(np.int8)

    def action(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        return action

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        z, a = self._columns(z, mask), self._switches(z, a)
        return self.ops.sum(a * z - self._softplus(z), axis=0)  # log π = Σ_k a z − log(1 + e^z)

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        ops, a = self.ops, self._switches(z, a)
        z = self._columns(z, mask)
        p, softplus = sigmoid(ops, z), self._softplus(z)  # (k, B)

        def backward(g: Array, h: Array | float) -> Array:
            return (g * (a - p) - h * z * p * (1 - p)).T  # ∂L/∂z = g (a − p) − h z p(1 − p)

        entropy = ops.sum(softplus - p * z, axis=0)  # H = Σ_k log(1 + e^z) − p z
        return Fitted(ops.sum(a * z - softplus, axis=0), entropy, backward)

    def kl(self, z: Array, other: Array, mask: Array | None = None) -> Divergence:
        ops, z, other = self.ops, self._columns(z, mask), self._columns(other, mask)
        p, apart = sigmoid(ops, z), z - other  # (k, B)
        # KL = Σ_k p (z − z_other) − log(1 + e^z) + log(1 + e^z_other)
        terms = p * apart - self._softplus(z) + self._softplus(other)

        def backward(d: Array) -> tuple[Array, Array]:
            dz = d * p * (1 - p) * apart  # ∂L/∂z = d p(1 − p)(z − z_other)
            return dz.T, (d * (sigmoid(ops, other) - p)).T  # ∂L/∂z_other = d (p_other − p)

        return Divergence(ops.sum(terms, axis=0), backward)

    def _logits(self, z: Array, mask: Array | None) -> Array:
        """z with ±1e8 where a switch is not free: (B, k)."""
        if mask is None:
            return z
        flags = self.ops.booleans(mask).reshape(-1, self.outputs, 2)
        z = self.ops.keep(z, flags[:, :, 1], FORBIDDEN)
        return self.ops.keep(z, flags[:, :, 0], -FORBIDDEN)

    def _columns(self, z: Array, mask: Array | None) -> Array:
        """They in columns: (k, B)."""
        return self.ops.transpose(self._logits(z, mask))

    def _softplus(self, z: Array) -> Array:
        """log(1 + e^z) = max(z, 0) + log(1 + e^−|z|), the form that never overflows."""
        ops = self.ops
        return ops.relu(z) + ops.log1p(ops.exp(-ops.abs(z)))

    def _switches(self, z: Array, a: Array) -> Array:
        """a in columns: (k, B)."""
        a = self.ops.asarray(a)
        require_actions(a, tuple(z.shape))
        return self.ops.transpose(a)


def _allowed(z: np.ndarray, mask: Array | None) -> np.ndarray:
    """z with −1e8 where the mask forbids, of numpy."""
    return z if mask is None else np.where(np.asarray(mask, bool), z, z.dtype.type(FORBIDDEN))


def _columns(ops: Ops, z: Array, mask: Array | None) -> Array:
    """z in columns, with −1e8 where the mask forbids: (outputs, B)."""
    return ops.transpose(z if mask is None else ops.keep(z, ops.booleans(mask), FORBIDDEN))


def require_actions(a: Array, shape: tuple[int, ...]) -> None:
    """ValueError where actions have another shape: (B, 1) against (B,) would be broadcast."""
    if tuple(a.shape) != shape:
        raise ValueError(f"actions must have shape {shape}, got {tuple(a.shape)}")
