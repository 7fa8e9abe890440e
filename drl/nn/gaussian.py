"""Gaussian distributions of continuous actions, plain and squashed by tanh.

z = (μ | s) side by side, s = log σ: (B, 2k).  drl.nn.distributions says what each method is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drl.nn.distributions import Distribution, Divergence, Fitted, require_actions
from drl.nn.ops import Array, Ops

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
Bounds = tuple[float, float]


class Pathwise(NamedTuple):
    """Actions as a function of z and given noise, and the way back."""

    action: Array  # (B, k)
    log_prob: Array  # (B,)
    pullback: Callable[[Array, Array | float], Array]
    """∂L/∂a (B, k), w = ∂L/∂log π (B,) or one number for all → ∂L/∂z (B, 2k)."""


class DiagonalGaussian(Distribution):
    """π(a) = Π_d N(a_d; μ_d, σ_d²),  z = (μ | s),  σ = e^s.   a: (B, k).

    k       number of actions.   ValueError below 1.
    bounds  s is clipped to these, where its gradient ends; None: as the network gives it.  A log σ
            without input (drl.nn.free.Free) would never come back from beyond a bound.
    """

    def __init__(self, ops: Ops, k: int, bounds: Bounds | None = None) -> None:
        if k < 1:
            raise ValueError(f"a Gaussian needs at least 1 action, got {k}")
        self.ops, self.k, self.outputs, self.bounds = ops, int(k), 2 * int(k), bounds

    def sample(self, z: Array, rng: np.random.Generator, mask: Array | None = None) -> np.ndarray:
        """μ + σε, ε ~ N(0, 1) in float32: float64 would make float64 of all that follows."""
        z = self.ops.numpy(z)
        mean, s = z[:, : self.k], z[:, self.k :]
        sigma = np.exp(s if self.bounds is None else np.clip(s, *self.bounds))
        return np.asarray(mean + sigma * rng.standard_normal(mean.shape, np.float32))

    def mode(self, z: Array, mask: Array | None = None) -> np.ndarray:
        return self.ops.numpy(z)[:, : self.k]

    def action(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        return action

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        mean, s, _ = self._split(z)
        u = (self._columns(z, a) - mean) * self.ops.exp(-s)
        return self._log_density(u, s)

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        ops, (mean, s, inside) = self.ops, self._split(z)
        r = ops.exp(-s)  # 1/σ: (k, B)
        u = (self._columns(z, a) - mean) * r  # (a − μ)/σ
        entropy = ops.sum(s, axis=0) + self.k * (HALF_LOG_2PI + 0.5)  # H = Σ_d s + ½ log 2πe

        def backward(g: Array, h: Array | float) -> Array:
            dmean = g * u * r  # ∂L/∂μ = g u/σ
            ds = g * (u * u - 1) + h  # ∂L/∂s = g (u² − 1) + h
            return self._join(dmean, ds, inside)

        return Fitted(self._log_density(u, s), entropy, backward)

    def kl(self, z: Array, other: Array, mask: Array | None = None) -> Divergence:
        ops, (mean, s, inside), (m, t, inside_other) = self.ops, self._split(z), self._split(other)
        r = ops.exp(-t)  # 1/σ_other
        apart, ratio = (mean - m) * r, ops.exp(2 * (s - t))  # (μ − μ_other)/σ_other, σ²/σ_other²
        square = ratio + apart * apart
        value = ops.sum(t - s + 0.5 * square - 0.5, axis=0)  # KL = Σ t − s + ½(ratio + apart²) − ½

        def backward(d: Array) -> tuple[Array, Array]:
            dmean = d * apart * r  # ∂L/∂μ = d (μ − μ_other)/σ_other², −∂L/∂μ_other
            dz = self._join(dmean, d * (ratio - 1), inside)  # ∂L/∂s = d (σ²/σ_other² − 1)
            # ∂L/∂s_other = d (1 − (σ² + (μ − μ_other)²)/σ_other²)
            return dz, self._join(-dmean, d * (1 - square), inside_other)

        return Divergence(value, backward)

    def _log_density(self, u: Array, s: Array) -> Array:
        """log π = Σ_d −½u² − s − ½ log 2π,  u = (a − μ)/σ: (B,)."""
        return self.ops.sum(-0.5 * (u * u) - s, axis=0) - self.k * HALF_LOG_2PI

    def _split(self, z: Array) -> tuple[Array, Array, Array | None]:
        """μ and s in columns, (k, B), and 1[low < s < high] where s has bounds."""
        columns = self.ops.transpose(z)
        mean, s = columns[: self.k], columns[self.k :]
        if self.bounds is None:
            return mean, s, None
        low, high = self.bounds
        return mean, self.ops.clip(s, low, high), (s > low) & (s < high)

    def _join(self, dmean: Array, ds: Array, inside: Array | None) -> Array:
        """∂L/∂z (B, 2k) from ∂L/∂μ and ∂L/∂s in columns; ∂L/∂s is 0 where s is clipped."""
        ds = ds if inside is None else ds * inside
        return self.ops.concat([dmean.T, ds.T])

    def _columns(self, z: Array, a: Array) -> Array:
        """a in columns: (k, B)."""
        a = self.ops.asarray(a)
        require_actions(a, (z.shape[0], self.k))
        return self.ops.transpose(a)


class TanhGaussian(DiagonalGaussian):
    """a = tanh u,  u ~ Π_d N(μ_d, σ_d²): bounded actions.   Haarnoja et al. 2018, appendix C.

    log π(a) = log N(u) − Σ_d c(u_d),  c(u) = log(1 − tanh² u) = 2(log 2 − |u| − log(1 + e^−2|u|)),
    the form that is right to rounding where tanh u is 1 to all digits.

    A sample is u, which cannot be had back from a = ±1: `action` gives tanh u, `sample_of` the u of
    an a.  Entropy has no closed form: H = H_N + Σ_d E c(μ + σε), the mean over ε by Gauss–Hermite,
    right to 1e-9 at log σ = −1, 1e-4 at 0 and 3e-2 at 1; its gradient is that of the sum.

    k       number of actions.   ValueError below 1.
    bounds  s = log σ is clipped to these
    nodes   of the quadrature of the entropy
    """

    def __init__(
        self, ops: Ops, k: int, bounds: Bounds | None = (-20.0, 2.0), nodes: int = 32
    ) -> None:
        super().__init__(ops, k, bounds)
        x, w = np.polynomial.hermite_e.hermegauss(nodes)  # ∫ f(x) e^(−x²/2) dx ≈ Σ w f(x)
        self.nodes = ops.asarray(x[:, None, None])  # (n, 1, 1)
        self.weights = ops.asarray((w / w.sum())[:, None, None])

    def action(self, sample: np.ndarray) -> np.ndarray:
        return np.asarray(np.tanh(sample))

    def sample_of(self, action: np.ndarray) -> np.ndarray:
        """u = artanh a; of ±1 as of the number next to it."""
        action = np.asarray(action)
        edge = np.nextafter(action.dtype.type(1), action.dtype.type(0))
        return np.asarray(np.arctanh(np.clip(action, -edge, edge)))

    def log_prob(self, z: Array, a: Array, mask: Array | None = None) -> Array:
        return super().log_prob(z, a) - self._log_slope(z, a)

    def fit(self, z: Array, a: Array, mask: Array | None = None) -> Fitted:
        ops, gaussian, (mean, s, inside) = self.ops, super().fit(z, a), self._split(z)
        spread = ops.exp(s) * self.nodes  # σε of every node: (n, k, B)
        u = mean + spread
        mean_slope = ops.sum(self.weights * log_slope(ops, u), axis=0)  # E c(μ + σε): (k, B)

        def backward(g: Array, h: Array | float) -> Array:
            slope = -2 * self.weights * ops.tanh(u)  # w c′(u) = −2 w tanh u
            dmean = h * ops.sum(slope, axis=0)  # ∂H/∂μ = E c′(u), besides H_N's 0
            ds = h * ops.sum(slope * spread, axis=0)  # ∂H/∂s = E c′(u) σε, besides H_N's 1
            return gaussian.pullback(g, h) + self._join(dmean, ds, inside)

        log_prob = gaussian.log_prob - self._log_slope(z, a)  # log N(u) − Σ_d c(u_d)
        return Fitted(log_prob, gaussian.entropy + ops.sum(mean_slope, axis=0), backward)

    def pathwise(self, z: Array, noise: Array) -> Pathwise:
        """a = tanh(μ + σε) and log π(a) for given noise ε (B, k), by z.   −½ε² is taken from ε."""
        ops, (mean, s, inside) = self.ops, self._split(z)
        eps = self._columns(z, noise)
        spread = ops.exp(s) * eps  # σε: (k, B)
        u = mean + spread
        a = ops.tanh(u)
        log_prob = self._log_density(eps, s) - ops.sum(log_slope(ops, u), axis=0)

        def backward(g: Array, w: Array | float) -> Array:
            du = ops.transpose(g) * (1 - a * a) + 2 * w * a  # ∂L/∂u = ∂L/∂a (1 − a²) + 2wa = ∂L/∂μ
            return self._join(du, du * spread - w, inside)  # ∂L/∂s = ∂L/∂u σε − w

        return Pathwise(ops.transpose(a), log_prob, backward)

    def _log_slope(self, z: Array, a: Array) -> Array:
        """Σ_d c(u_d) of samples u: (B,)."""
        return self.ops.sum(log_slope(self.ops, self._columns(z, a)), axis=0)


def log_slope(ops: Ops, u: Array) -> Array:
    """c(u) = log(1 − tanh² u) = log da/du of a = tanh u, of u's shape."""
    size = ops.abs(u)
    return 2 * (math.log(2) - size - ops.log1p(ops.exp(-2 * size)))
