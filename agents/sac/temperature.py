"""α: what a nat of entropy is worth, in scaled rewards."""

from __future__ import annotations

import math
from typing import Any, Protocol

from drl.nn.flat import FlatParameters
from drl.nn.ops import Array, Ops
from drl.nn.optim import Adam
from drl.nn.schedules import Schedule
from drl.state import fill


class Temperature(Protocol):
    """α, and what moves it."""

    value: float  # α
    loss: float  # of the last step; NaN before it, and where nothing is learnt

    def step(self, log_prob: Array) -> None:
        """Move α after actions with log π (B,)."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class Fixed:
    """α as it is given; 0: entropy is worth nothing."""

    loss = math.nan

    def __init__(self, value: float) -> None:
        self.value = value

    def step(self, log_prob: Array) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


class Learnt:
    """α = e^ℓ with L(ℓ) = −ℓ mean(log π + H̄),  dL/dℓ = −mean(log π + H̄): α grows while the policy's
    entropy is below H̄.   Haarnoja et al. 2018 ("Algorithms and Applications"), eq. 18, by log α as
    their code has it.

    target  H̄, the entropy wanted, in nats
    start   α at the start
    lr      Adam's
    """

    def __init__(self, ops: Ops, target: float, start: float, lr: float | Schedule) -> None:
        self.target, self.flat = target, FlatParameters(ops, 1)
        self.flat.params[:] = math.log(start)
        self.optimizer = Adam(self.flat, lr)
        self.loss = math.nan
        self._read()

    def step(self, log_prob: Array) -> None:
        ops = self.flat.ops
        gap = float(ops.mean(log_prob)) + self.target  # mean(log π + H̄)
        self.loss = -float(self.flat.params[0]) * gap
        self.flat.grads[:] = -gap  # dL/dℓ
        self.optimizer.step()
        self._read()

    def _read(self) -> None:
        self.value = math.exp(float(self.flat.params[0]))

    def state(self) -> dict[str, Any]:
        """ℓ, and the optimizer's."""
        log_value = self.flat.ops.numpy(self.flat.params).copy()
        return {"log_value": log_value, "optimizer": self.optimizer.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another's."""
        log_value = self.flat.ops.numpy(self.flat.params).copy()
        fill(log_value, state["log_value"], "log α")
        self.flat.params[:] = self.flat.ops.asarray(log_value)
        self.optimizer.load_state(state["optimizer"])
        self._read()
