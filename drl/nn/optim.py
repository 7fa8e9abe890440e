"""Optimizers on the flat vector, in increasing complexity.  g = ∂L/∂θ, α the learning rate.

`step()` moves `net.params` by `net.grads` with α from the schedule at the number of steps taken;
`step(lr)` with the α given.  `state()` holds all that the next step depends on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drl.nn.compiled_ops import speed_up
from drl.nn.network import Network
from drl.nn.ops import Array
from drl.nn.schedules import Constant, Schedule

FLUSH_EVERY = 256  # steps
HOT = 2 * 10**8  # numbers moved: after some seconds of training, compiled loops are worth loading


class Optimizer:
    """Counts the steps, asks the schedule for α, and keeps the moments: arrays shaped like θ.

    Set `watch` and the next step leaves Δθ = θ_new − θ_old in `moved`.   lr: a number, or a
    schedule by steps taken.   ValueError where a number is not in its range.
    """

    moments: tuple[str, ...] = ()

    def __init__(self, net: Network, lr: float | Schedule) -> None:
        self.net, self.ops = net, net.ops
        self.schedule: Schedule = lr if callable(lr) else Constant(_positive("lr", lr))
        self.steps = 0
        self.hot = HOT // net.size + 1  # the step that loads them
        self.watch = False
        self.moved: Array | None = None
        for name in self.moments:
            setattr(self, name, net.ops.zeros(net.size))

    @property
    def lr(self) -> float:
        """α of the next step."""
        return self.schedule(self.steps)

    def step(self, lr: float | None = None) -> None:
        """θ ← θ − α·(what the rule makes of g)."""
        lr = self.lr if lr is None else lr
        self.steps += 1
        params = self.net.params
        before = params + 0 if self.watch else None
        self.update(params, self.net.grads, lr)
        if self.steps % FLUSH_EVERY == 0:
            self.flush()
        if self.steps == self.hot:
            speed_up(self.ops)
        if before is not None:
            self.moved, self.watch = params - before, False

    def update(self, params: Array, grads: Array, lr: float) -> None:
        """The rule: moves `params` (P,) in place."""
        raise NotImplementedError

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
        arrays = {name: self.ops.numpy(getattr(self, name)) for name in self._arrays()}
        return self.__dict__ | arrays

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in self._arrays():
            setattr(self, name, self.ops.asarray(state[name].copy()))

    def _arrays(self) -> tuple[str, ...]:
        return self.moments if self.moved is None else (*self.moments, "moved")

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, numpy."""
        arrays = {name: self.ops.numpy(getattr(self, name)).copy() for name in self._arrays()}
        return {"steps": self.steps, "watch": self.watch, "moved": None} | arrays

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError unless the moments have the size of this network, and the steps are ours."""
        steps, watch = state["steps"], state["watch"]
        if type(steps) is not int or not 0 <= steps < 2**63 or type(watch) is not bool:
            raise ValueError(f"steps and watch cannot be {steps!r} and {watch!r}")
        arrays = {name: state[name] for name in self.moments}
        if state["moved"] is not None:
            arrays["moved"] = state["moved"]
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.shape != (self.net.size,):
                raise ValueError(f"{name} should have the shape ({self.net.size},)")
        for name, array in arrays.items():
            setattr(self, name, self.ops.asarray(array.copy()))
        self.hot += steps - self.steps  # as many steps from now as before
        self.steps, self.watch = steps, watch


class SGD(Optimizer):
    """θ ← θ − αg.   With ascent=True θ ← θ + αg: g is then the gradient of a log-likelihood to be
    raised, as in the notes, not of a loss to be lowered.   Robbins & Monro 1951.
    """

    def __init__(self, net: Network, lr: float | Schedule = 0.1, ascent: bool = False) -> None:
        super().__init__(net, lr)
        self.sign = 1.0 if ascent else -1.0

    def update(self, params: Array, grads: Array, lr: float) -> None:
        params += grads * (self.sign * lr)


class Momentum(Optimizer):
    """u ← μu + g;  θ ← θ − αu.   Polyak 1964, in the form that torch and most papers use."""

    moments = ("u",)
    u: Array

    def __init__(self, net: Network, lr: float | Schedule = 0.01, momentum: float = 0.9) -> None:
        super().__init__(net, lr)
        self.momentum = _fraction("momentum", momentum)

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.u *= self.momentum
        self.u += grads  # u ← μu + g
        params -= self.u * lr  # θ ← θ − αu


class RMSProp(Optimizer):
    """v ← ρv + (1−ρ)g²;  θ ← θ − αg/(√v + ε).   Tieleman & Hinton 2012, lecture 6e."""

    moments: tuple[str, ...] = ("v",)
    v: Array

    def __init__(
        self, net: Network, lr: float | Schedule = 1e-3, rho: float = 0.99, eps: float = 1e-8
    ) -> None:
        super().__init__(net, lr)
        self.rho, self.eps = _fraction("rho", rho), _positive("eps", eps)

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.v *= self.rho
        self.v += (1 - self.rho) * (grads * grads)  # v ← ρv + (1−ρ)g²
        params -= lr * grads / (self.v**0.5 + self.eps)


class CentredRMSProp(RMSProp):
    """v ← ρv + (1−ρ)g², m ← ρm + (1−ρ)g;  θ ← θ − αg/(√(v − m²) + ε).

    The variance of g instead of its square.  Graves 2013, eq. 38–39; Mnih et al. 2015 used it.
    """

    moments = ("v", "m")
    m: Array

    def update(self, params: Array, grads: Array, lr: float) -> None:
        self.v *= self.rho
        self.v += (1 - self.rho) * (grads * grads)
        self.m *= self.rho
        self.m += (1 - self.rho) * grads
        variance = self.ops.relu(self.v - self.m * self.m)  # ≥ 0 but for rounding
        params -= lr * grads / (variance**0.5 + self.eps)


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
        self, net: Network, lr: float | Schedule = 1e-3,
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


class AdamW(Adam):
    """θ ← θ − αλθ, then Adam's step.   Decay apart from the gradient: Loshchilov & Hutter 2019,
    Algorithm 2.
    """

    def __init__(
        self, net: Network, lr: float | Schedule = 1e-3, decay: float = 0.01,
        beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(net, lr, beta1, beta2, eps)
        self.decay = _fraction("decay", decay)


def clip_norm(net: Network, limit: float | None) -> float:
    """g ← g·min(1, limit/‖g‖) over the whole vector; returns ‖g‖ as it was.  None: no limit.

    Pascanu et al. 2013, Algorithm 1.
    """
    norm = net.ops.norm(net.grads)
    if limit is not None and limit < norm < math.inf:
        net.grads *= limit / norm
    return norm


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value


def _fraction(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}")
    return value
