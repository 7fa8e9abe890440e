"""What is checked of policies: log π, entropy, divergences and pathwise gradients, as losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from drl.nn.distributions import BernoulliActions, Categorical, Distribution, MultiCategorical
from drl.nn.gaussian import DiagonalGaussian, TanhGaussian
from drl.nn.layers import Linear, Tanh
from drl.nn.network import Network
from drl.nn.ops import Array, Ops, make_ops

Rng = np.random.Generator


class OfPolicy:
    """L = (1/B) Σ_b w_b f_b(z) with f = log π(a), H, KL(π_z ‖ π_other) or KL(π_other ‖ π_z).

    Weights w and the other z are drawn by a seed: the loss is the same function in both libraries.
    """

    def __init__(
        self, ops: Ops, law: Distribution, what: str, mask: tuple[bool, ...] | None = None
    ) -> None:
        self.ops, self.law, self.what = ops, law, what
        self.allowed = mask
        rng = np.random.default_rng(7)
        self.weights = rng.normal(size=8)
        self.other = rng.normal(size=(8, law.outputs))

    def mask(self, rows: int) -> np.ndarray | None:
        return None if self.allowed is None else np.tile(self.allowed, (rows, 1))

    def __call__(self, z: Array, a: Array) -> tuple[Array, Array]:
        ops, rows = self.ops, len(z)
        w = ops.asarray(self.weights[:rows] / rows)  # ∂L/∂f
        if self.what in ("log π", "entropy"):
            fit, none = self.law.fit(z, a, self.mask(rows)), ops.zeros(rows)
            if self.what == "log π":
                return ops.sum(w * fit.log_prob), fit.pullback(w, none)
            return ops.sum(w * fit.entropy), fit.pullback(none, w)
        other, turned = ops.asarray(self.other[:rows]), self.what == "KL, turned"
        pair = (other, z) if turned else (z, other)
        divergence = self.law.kl(*pair, self.mask(rows))
        return ops.sum(w * divergence.value), divergence.pullback(w)[turned]


class OfActor:
    """SAC's actor: L = (1/B) Σ_b [α log π(a) − Q(s, a)],  a = tanh(μ + σε): the gradient goes
    through the critic into the action, through tanh and the noise into z.   Haarnoja et al. 2018,
    eq. 7.

    The states s are the law's own noise; the critic is a small network drawn by a seed.
    """

    def __init__(self, ops: Ops, law: TanhGaussian, alpha: float = 0.3) -> None:
        self.ops, self.law, self.alpha = ops, law, alpha
        layers = [Linear(4), Tanh(), Linear(1)]
        self.critic = Network(layers, 2 * law.k, ops, seed=3)

    def __call__(self, z: Array, noise: Array) -> tuple[Array, Array]:
        ops, rows, k = self.ops, len(z), self.law.k
        eps = ops.asarray(noise)
        path = self.law.pathwise(z, eps)
        q, backward = self.critic.forward(ops.concat([eps, path.action]))
        value = ops.sum(self.alpha * path.log_prob - q[:, 0]) / rows
        d_action = backward(ops.zeros(rows, 1) - 1 / rows, inputs=True)[:, k:]  # −(1/B) ∂Q/∂a
        return value, path.pullback(d_action, self.alpha / rows)


LAWS: dict[str, Callable[[Ops], Any]] = {
    "Categorical": lambda ops: Categorical(ops, 4),
    "Categorical, 1 action": lambda ops: Categorical(ops, 1),
    "MultiCategorical": lambda ops: MultiCategorical(ops, [3, 1, 2]),
    "MultiCategorical, 1 choice": lambda ops: MultiCategorical(ops, [2]),
    "BernoulliActions": lambda ops: BernoulliActions(ops, 3),
    "BernoulliActions, 1": lambda ops: BernoulliActions(ops, 1),
    "DiagonalGaussian": lambda ops: DiagonalGaussian(ops, 3),
    "DiagonalGaussian, 1 action": lambda ops: DiagonalGaussian(ops, 1),
    "DiagonalGaussian, bounds": lambda ops: DiagonalGaussian(ops, 2, (-0.3, 0.3)),
    "TanhGaussian": lambda ops: TanhGaussian(ops, 2, (-0.3, 0.3)),
    "TanhGaussian, 1 action": lambda ops: TanhGaussian(ops, 1),
}
MASKS: dict[str, tuple[bool, ...]] = {
    "Categorical": (True, False, True, True),
    "MultiCategorical": (True, True, False, True, False, True),
    "BernoulliActions": (True, True, True, False, False, True),  # free, 0, 1
}  # which are checked with actions forbidden, besides without
WHAT = ("log π", "entropy", "KL", "KL, turned")

Losses = tuple[str, str, Callable[[Ops], Any], Callable[[Rng, int, int], np.ndarray], int]


def losses() -> Iterator[Losses]:
    """(law, loss, how it is made, its targets for a batch, the number of z) of every check."""
    numpy = make_ops("numpy", "float64")
    for name, make in LAWS.items():
        law = make(numpy)
        for mask in (None, MASKS[name]) if name in MASKS else (None,):
            for what in WHAT:
                yield (
                    name if mask is None else f"{name}, masked", what,
                    partial(_of_policy, make, what, mask), partial(_samples, law, mask),
                    law.outputs,
                )  # fmt: skip
        if isinstance(law, TanhGaussian):
            yield name, "SAC's actor", partial(_of_actor, make), partial(_noise, law), law.outputs


def _of_policy(make: Any, what: str, mask: Any, ops: Ops) -> OfPolicy:
    return OfPolicy(ops, make(ops), what, mask)


def _of_actor(make: Any, ops: Ops) -> OfActor:
    return OfActor(ops, make(ops))


def _samples(law: Distribution, mask: Any, rng: Rng, batch: int, outputs: int) -> np.ndarray:
    allowed = None if mask is None else np.tile(mask, (batch, 1))
    return law.sample(np.zeros((batch, outputs)), rng, allowed)


def _noise(law: TanhGaussian, rng: Rng, batch: int, outputs: int) -> np.ndarray:
    return rng.standard_normal((batch, law.k))
