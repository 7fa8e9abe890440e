"""Optimizers on the flat vector, in increasing complexity.  g = ∂L/∂θ, α the learning rate.

`step()` moves θ by g with α from the schedule at the number of steps taken; `step(lr)` with the α
given.  `last_change()` is what the last step did to θ.  `state()` holds all that the next step
depends on.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from drl.nn.ops import Array, Ops
from drl.nn.ops_numpy import adam_scalars
from drl.nn.schedules import Constant, Schedule

FLUSH_EVERY = 256  # steps


class Trainable(Protocol):
    """What an optimizer moves: a network, or any other vector with its gradient.

    drl.nn.flat.FlatParameters(ops, 1) is one for a single number, as SAC's log α.
    """

    ops: Ops
    params: Array  # (P,) θ
    grads: Array  # (P,) ∂L/∂θ


class Optimizer:
    """θ ← θ + Δθ, with Δθ made of the gradient g, the learning rate α and moments of g.

    A rule derives from this class: `moments` names its arrays shaped like θ, `squares` those among
    them that are sums of squared gradients, `update` moves θ, and `change` says Δθ after the step.

    net  what is trained: a network, or anything with `params`, `grads` (P,) and `ops`
    lr   α: a number, or a schedule by steps taken

    ValueError where a number is not in its range.
    """

    moments: tuple[str, ...] = ()
    squares: tuple[str, ...] = ("v",)

    def __init__(self, net: Trainable, lr: float | Schedule) -> None:
        self.net, self.ops = net, net.ops
        self.schedule: Schedule = lr if callable(lr) else Constant(_positive("lr", lr))
        self.steps = 0
        self.last_lr: float | None = None  # α of the last step
        for name in self.moments:
            setattr(self, name, net.ops.zeros(len(net.params)))

    @property
    def lr(self) -> float:
        """α of the next step."""
        return self.schedule(self.steps)

    def step(self, lr: float | None = None) -> None:
        """θ ← θ + Δθ, with the learning rate `lr`; None: the schedule's."""
        self.last_lr = self.lr if lr is None else lr
        self.steps += 1
        self.update(self.net.params, self.net.grads, self.last_lr)
        if self.steps % FLUSH_EVERY == 0:
            self.flush()

    def update(self, params: Array, grads: Array, lr: float) -> None:
        """The rule: moves the moments and `params` (P,) in place."""
        raise NotImplementedError

    def last_change(self) -> Array | None:
        """Δθ = θ_new − θ_old of the last step, (P,), from θ, g and the moments as the step left
        them: exact to rounding until one of these is overwritten, g by the next backward pass.

        Nothing is written.  None before the first step, also after `load_state`, and where the
        rule does not say.
        """
        if self.last_lr is None:
            return None
        return self.change(self.net.params, self.net.grads, self.last_lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array | None:
        """Δθ of the step that has just been taken, (P,), without writing to anything."""
        return None

    def flush(self) -> None:
        """Clear moments on their way to subnormal numbers, where arithmetic is far slower.

        A weight of a dead unit gets no gradient, so its moments shrink at every step (by 0.9: to
        2e-12 of themselves in 256) and never reach zero.
        """
        for name in self.moments:
            moment = getattr(self, name)
            moment *= abs(moment) > 1e13 * self.ops.smallest

    def __getstate__(self) -> dict[str, Any]:
        """For copies: they follow the copy of the network, and the moments are numpy's, since
        processes share the memory of torch's tensors."""
        return vars(self) | {name: self.ops.numpy(getattr(self, name)) for name in self.moments}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            moment = name in self.moments
            setattr(self, name, state["ops"].asarray(value.copy()) if moment else value)

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, numpy."""
        arrays = {name: self.ops.numpy(getattr(self, name)).copy() for name in self.moments}
        return {"steps": self.steps} | arrays

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError unless the moments have the size of θ, and the steps are a count."""
        steps, size = state["steps"], len(self.net.params)
        if type(steps) is not int or not 0 <= steps < 2**63:
            raise ValueError(f"steps cannot be {steps!r}")
        for name in self.moments:
            if not isinstance(state[name], np.ndarray) or state[name].shape != (size,):
                raise ValueError(f"{name} should have the shape ({size},)")
        for name in self.moments:
            setattr(self, name, self.ops.asarray(state[name].copy()))
        self.steps, self.last_lr = steps, None


class SGD(Optimizer):
    """θ ← θ − αg.   Robbins & Monro 1951.

    ascent  θ ← θ + αg instead: g is the gradient of a log-likelihood to be raised, as in the
            notes, not of a loss to be lowered
    """

    def __init__(self, net: Trainable, lr: float | Schedule = 0.1, ascent: bool = False) -> None:
        super().__init__(net, lr)
        self.sign = 1.0 if ascent else -1.0

    def update(self, params: Array, grads: Array, lr: float) -> None:
        params += self.change(params, grads, lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array:
        return grads * (self.sign * lr)  # −αg


class Momentum(Optimizer):
    """u ← μu + g,  θ ← θ − αu.   Polyak 1964, in the form that torch and most papers use."""

    moments = ("u",)
    u: Array

    def __init__(self, net: Trainable, lr: float | Schedule = 0.01, momentum: float = 0.9) -> None:
        super().__init__(net, lr)
        self.momentum = _fraction("momentum", momentum)

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.u *= self.momentum
        self.u += grads  # u ← μu + g
        params += self.change(params, grads, lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array:
        return self.u * -lr  # −αu


class RMSProp(Optimizer):
    """v ← ρv + (1−ρ)g²,  θ ← θ − αg/(√v + ε).   Tieleman & Hinton 2012, lecture 6e."""

    moments: tuple[str, ...] = ("v",)
    v: Array

    def __init__(
        self, net: Trainable, lr: float | Schedule = 1e-3, rho: float = 0.99, eps: float = 1e-8
    ) -> None:
        super().__init__(net, lr)
        self.rho, self.eps = _fraction("rho", rho), _positive("eps", eps)

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.v *= self.rho
        self.v += (1 - self.rho) * (grads * grads)  # v ← ρv + (1−ρ)g²
        params += self.change(params, grads, lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array:
        return -lr * grads / (self.v**0.5 + self.eps)  # −αg/(√v + ε)


class CentredRMSProp(RMSProp):
    """v ← ρv + (1−ρ)g²,  m ← ρm + (1−ρ)g,  θ ← θ − αg/(√(v − m²) + ε).

    The variance of g instead of its square.  Graves 2013, eq. 38–39; Mnih et al. 2015 used it.
    """

    moments = ("v", "m")
    m: Array

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.m *= self.rho
        self.m += (1 - self.rho) * grads  # m ← ρm + (1−ρ)g
        super().update(params, grads, lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array:
        variance = self.ops.relu(self.v - self.m * self.m)  # ≥ 0 but for rounding
        return -lr * grads / (variance**0.5 + self.eps)  # −αg/(√(v − m²) + ε)


class Adam(Optimizer):
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,
    m̂ = m/(1−β₁ᵗ),  v̂ = v/(1−β₂ᵗ)  (both started at zero: t steps have filled 1−βᵗ of them),
    θ ← θ − α m̂/(√v̂ + ε).   Kingma & Ba 2015, Algorithm 1.
    """

    moments = ("m", "v")
    m: Array
    v: Array
    decay = 0.0

    def __init__(
        self, net: Trainable, lr: float | Schedule = 1e-3,
        beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(net, lr)
        self.beta1, self.beta2 = _fraction("beta1", beta1), _fraction("beta2", beta2)
        self.eps = _positive("eps", eps)

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.ops.adam(
            params, grads, self.m, self.v, self.steps,
            lr, self.beta1, self.beta2, self.eps, self.decay,
        )  # fmt: skip

    def change(self, params: Array, grads: Array, lr: float) -> Array | None:
        _, _, eps, rate, keep = adam_scalars(
            self.steps, lr, self.beta1, self.beta2, self.eps, self.decay
        )
        moved = -rate * self.m / (self.v**0.5 + eps)  # −α m̂/(√v̂ + ε)
        if keep == 1:
            return moved
        if keep == 0:  # θ_new holds nothing of θ_old
            return None
        return (moved - (1 - keep) * params) / keep  # θ_new = keep θ_old + moved, solved for θ_old


class RAdam(Adam):
    """θ ← θ − α r m̂/(√v + ε)·√(1−β₂ᵗ), with Adam's m, v and m̂, and

    ρ∞ = 2/(1−β₂) − 1,   ρ = ρ∞ − 2tβ₂ᵗ/(1−β₂ᵗ),   r² = (ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ);
    θ ← θ − α m̂ while ρ ≤ 5.   Liu et al. 2020, Algorithm 2.

    ρ is how many squared gradients v is a mean of: while they are few v says little, and the step
    is one by m̂ alone, then a short one.  A warm-up that needs no schedule.
    """

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.m += (1 - self.beta1) * (grads - self.m)  # m ← β₁m + (1−β₁)g
        self.v += (1 - self.beta2) * (grads * grads - self.v)  # v ← β₂v + (1−β₂)g²
        params += self.change(params, grads, lr)

    def change(self, params: Array, grads: Array, lr: float) -> Array:
        t, beta1, beta2 = self.steps, self.beta1, self.beta2
        filled, longest = 1 - beta2**t, 2 / (1 - beta2) - 1  # 1−β₂ᵗ, ρ∞
        length = longest - 2 * t * beta2**t / filled  # ρ
        rate = -lr / (1 - beta1**t)
        if length <= 5:
            return rate * self.m  # −α m̂
        shorter = (length - 4) * (length - 2) * longest
        shorter /= (longest - 4) * (longest - 2) * length  # r²
        return rate * math.sqrt(shorter * filled) * self.m / (self.v**0.5 + self.eps)


class AdamW(Adam):
    """θ ← (1 − αλ)θ, then Adam's step.   Loshchilov & Hutter 2019, Algorithm 2.

    decay  λ: weights decay apart from the gradient, not through it
    """

    def __init__(
        self, net: Trainable, lr: float | Schedule = 1e-3, decay: float = 0.01,
        beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(net, lr, beta1, beta2, eps)
        self.decay = _fraction("decay", decay)


def clip_norm(net: Trainable, limit: float | None) -> float:
    """g ← g · min(1, limit/‖g‖) over the whole vector; returns ‖g‖ before the cut.

    Pascanu et al. 2013, Algorithm 1.

    net    a network, or anything with `grads` (P,) and `ops`
    limit  largest norm of g; None: no limit
    """
    grads = net.grads
    norm = net.ops.norm(grads)
    if limit is not None and limit < norm < math.inf:
        grads *= limit / norm
    return norm


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value


def _fraction(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}")
    return value
