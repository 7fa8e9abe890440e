"""Who plays the episodes of an evaluation: a policy, with what it remembers of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from drl.environment import Step

# observations (N, *shape), and (N, A) masks where there are some → actions (N, *action shape)
Act = Callable[..., np.ndarray]
# observations (N, *shape), and (N, A) masks where there are some → an array (N, …); None: it knows
# no such thing
Known = Callable[..., np.ndarray | None]


class Player(Protocol):
    """A policy in N environments side by side, from the beginning of their episodes."""

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """The next observations (N, *shape) → actions (N, *action shape); what it remembers has
        gone a step on.

        mask  (N, A) bool, the actions to choose from; None where the environment tells none
        """

    def value(
        self, obs: np.ndarray, mask: np.ndarray | None = None, which: np.ndarray | None = None
    ) -> np.ndarray | None:
        """V of the next observations: (K, *shape) → (K,), in the environment's rewards; what it
        remembers stays.   None: it knows none.

        which  (N,) bool, the K environments that they are of; None: all
        """

    def see(self, step: Step) -> None:
        """What its actions have led to: the episodes that have ended are forgotten."""

    def probs(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        """π(·|s) of the next observations, of Discrete actions: (N, *shape) → (N, A).   None: it
        has none."""
        return None

    def log_prob(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        """log π(a|s) of the next observations and of actions (N, *action shape): (N,).   None: it
        has none."""
        return None


class Policy(Protocol):
    """What evaluations and videos ask of a policy."""

    def player(self, count: int) -> Player:
        """At the beginning of `count` episodes side by side."""


def unknown(*asked: Any) -> None:
    """Of a policy that knows no such thing."""


class Memoryless(Player):
    """The player of a policy that remembers nothing: what it does depends on what it sees.

    act       observations (N, *shape) → actions (N, *action shape); it is called with masks (N, A)
              besides where the environment tells which actions are allowed
    value     V of observations, likewise
    probs     their π(·|s), likewise
    log_prob  log π(a|s) of observations and actions, likewise
    """

    def __init__(
        self, act: Act, value: Known = unknown, probs: Known = unknown, log_prob: Known = unknown
    ) -> None:
        self._act, self._value, self._probs, self._log_prob = act, value, probs, log_prob

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self._act(obs) if mask is None else self._act(obs, mask)

    def value(
        self, obs: np.ndarray, mask: np.ndarray | None = None, which: np.ndarray | None = None
    ) -> np.ndarray | None:
        return self._value(obs) if mask is None else self._value(obs, mask)

    def probs(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return self._probs(obs, mask)

    def log_prob(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        return self._log_prob(obs, actions, mask)

    def see(self, step: Step) -> None:
        """Nothing is remembered."""


def player_of(policy: Policy | Act, count: int) -> Player:
    """The policy at the beginning of `count` episodes side by side.

    policy  a policy, or a function as `Memoryless` takes it
    """
    return policy.player(count) if hasattr(policy, "player") else Memoryless(policy)
