"""A policy that chooses by Q(s, a): of DQN and PQN."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from agents.normalisation import ReturnScale
from agents.parts import OwnNets
from agents.policy import SavedPolicy
from agents.setup import Setup
from drl.actions import Numbered
from drl.errors import UserError
from drl.nn import Network


class QConfig(Protocol):
    """What is asked of the settings."""

    @property
    def reward_scale(self) -> float: ...


class QPolicy(SavedPolicy):
    """π(s) = argmax_a Q(s, a; θ): (N, *shape) → the environment's own actions (N, *action shape).

    A kind of agent adds `act_batch` and `q_batch`.

    actions  by the numbers of the network's outputs
    returns  whose deviation rewards were divided by; None: they were not
    """

    config: QConfig
    actions: Numbered

    def __init__(
        self, config: QConfig, setup: Setup, net: Network, actions: Numbered,
        returns: ReturnScale | None = None, own_nets: OwnNets | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net, own_nets)
        self.actions, self.returns = actions, returns

    def q_batch(self, obs: np.ndarray) -> np.ndarray:
        """Q(s, ·; θ) without noise, in the environment's rewards: (N, *shape) → (N, A)."""
        raise NotImplementedError

    @property
    def unit(self) -> float:
        """A reward of 1 in the network's units: reward_scale/σ of the returns, as it now is."""
        std = 1.0 if self.returns is None else self.returns.std
        return self.config.reward_scale / std

    def q_of_batch(self, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
        try:
            numbers = self.actions.encode(actions)  # (N,)
        except ValueError as error:  # a number between those of a Box that is cut into values
            raise UserError(f"{error}: `policy.actions.table` has them") from error
        found: np.ndarray = self.q_batch(obs)[np.arange(len(obs)), numbers]
        return found

    def value_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """max_a Q(s, a; θ), in the environment's rewards: (N, *shape) → (N,)."""
        q = self.q_batch(obs)
        if mask is not None:
            q = np.where(self.actions.mask(mask), q, -np.inf)
        best: np.ndarray = q.max(axis=1)
        return best

    def state(self) -> dict[str, Any]:
        returns = {} if self.returns is None else {"returns": self.returns.learnt()}
        return super().state() | returns

    def about(self) -> dict[str, Any]:
        return super().about() | {"unit": 1 / self.unit}
