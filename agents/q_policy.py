"""A policy that chooses by Q(s, a): of DQN and PQN."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from agents.normalisation import ReturnScale
from agents.policy import SavedPolicy
from agents.setup import Setup
from drl.actions import Numbered
from drl.nn import Network


class QConfig(Protocol):
    """What is asked of the settings."""

    @property
    def reward_scale(self) -> float: ...


class QPolicy(SavedPolicy):
    """π(s) = argmax_a Q(s, a; θ): (N, *shape) → the environment's own actions (N, *action shape).

    A kind of agent adds `act` and `values`.

    actions  by the numbers of the network's outputs
    returns  whose deviation rewards were divided by; None: they were not
    """

    config: QConfig
    actions: Numbered

    def __init__(
        self, config: QConfig, setup: Setup, net: Network, actions: Numbered,
        returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net)
        self.actions, self.returns = actions, returns

    def values(self, obs: np.ndarray) -> np.ndarray:
        """Q(s, ·; θ), in the environment's rewards: (N, *shape) → (N, A), unchecked."""
        raise NotImplementedError

    @property
    def unit(self) -> float:
        """A reward of 1 in the network's units: reward_scale/σ of the returns, as it now is."""
        std = 1.0 if self.returns is None else self.returns.std
        return self.config.reward_scale / std

    def q(self, obs: Any) -> np.ndarray:
        """Q(s, ·; θ) without noise, in the environment's rewards: N observations → (N, A); one
        gives (A,).   UserError on what is not of the space, and on NaN or Inf."""
        batch, one = self.batch(obs)
        q = self.values(batch)
        return q[0] if one else q

    def value(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """max_a Q(s, a; θ), in the environment's rewards: (N, *shape) → (N,).

        mask  (N, A) bool, the actions to choose from, as the environment tells it; None: all
        """
        q = self.values(obs)
        if mask is not None:
            q = np.where(self.actions.mask(mask), q, -np.inf)
        best: np.ndarray = q.max(axis=1)
        return best

    def state(self) -> dict[str, Any]:
        returns = {} if self.returns is None else {"returns": self.returns.learnt()}
        return super().state() | returns

    def about(self) -> dict[str, Any]:
        return super().about() | {"unit": 1 / self.unit}
