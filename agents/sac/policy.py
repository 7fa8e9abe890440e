"""What an off-policy agent of continuous actions has learnt, as a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.parts import OwnNets
from agents.policy import SavedPolicy
from agents.sac.actor import Actor, ProbableActor
from agents.sac.critics import Critic
from agents.sac.deterministic import deterministic_network
from agents.sac.targets import joined
from agents.setup import Setup
from agents.stochastic import StochasticPolicy
from drl.actions import UnitBox
from drl.nn import Network
from drl.nn.ops import Array
from drl.spaces import words

OUTPUTS = "the environment's own action"  # of what is exported


class ContinuousPolicy(SavedPolicy):
    """The most probable action of π(a|s; φ): (N, *shape) → (N, *action shape), the environment's
    own, and Q(s, a; θ) beside it.

    net, actor          the policy's network, and what its outputs mean
    critic_net, critic  the critics'
    """

    def __init__(
        self, config: Any, setup: Setup, net: Network, actor: Actor, critic_net: Network,
        critic: Critic, own_nets: OwnNets | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net, own_nets)
        self.actor, self.critic_net, self.critic = actor, critic_net, critic
        self.actions = self.unit = UnitBox(setup.action_space)

    def state(self) -> dict[str, Any]:
        """φ, θ, and all else that the policy is built from."""
        return super().state() | self.critic_net.saved("critic_net")

    def load_state(self, state: Mapping[str, Any]) -> None:
        """An error of drl.state.UNFIT where the state does not fit."""
        self.net.restore(state)
        self.critic_net.restore(state, "critic_net")

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        acted = self._acted(self.net(obs))
        return self.unit.decode(acted.reshape(len(obs), *self.unit.space.shape))

    def _acted(self, z: Array) -> np.ndarray:
        """The network's outputs → the actions to act by, within −1 … 1: (N, k)."""
        return self.actor.greedy(z)

    def value_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Q(s, a; θ) of the most probable action, in the environment's rewards: (N, *shape) → (N,).

        Where entropy is rewarded, that of later actions is part of it.
        """
        return self._q(obs, self.actor.greedy(self.net(obs)))

    def about(self) -> dict[str, Any]:
        return super().about() | {"outputs": OUTPUTS}

    def told(self) -> list[str]:
        return [*super().told(), f"outputs: {OUTPUTS}"]

    def deterministic_net(self) -> Network:
        """s → the environment's own action."""
        return deterministic_network(self.net, self.unit)

    def _without_q(self) -> str:
        return (
            f"{words(self.action_space)} actions have no table of values: ask q of the actions "
            "that you mean, `q(obs, actions)`"
        )

    def q_of_batch(self, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return self._q(obs, self._encoded(actions))

    def _encoded(self, actions: np.ndarray) -> np.ndarray:
        """The environment's own actions (N, *action shape) → within −1 … 1, (N, k)."""
        return self.unit.encode(actions).reshape(len(actions), -1).astype(np.float32)

    def _q(self, obs: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Of actions within −1 … 1, (N, k)."""
        ops = self.critic_net.ops
        z = self.critic_net(joined(ops, ops.asarray(obs), ops.asarray(chosen)))
        return np.asarray(ops.numpy(self.critic.q(z)[0]) / self.config.reward_scale)


class GaussianPolicy(ContinuousPolicy, StochasticPolicy):
    """One that can be drawn from, and knows how probable an action is."""

    actor: ProbableActor

    def _acted(self, z: Array) -> np.ndarray:
        return self.chosen(z)

    def mode(self, z: Array, mask: np.ndarray | None = None) -> np.ndarray:
        return self.actor.greedy(z)

    def draw(
        self, z: Array, rng: np.random.Generator, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.actor.explore(z, rng)

    def log_prob_batch(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.actor.log_prob(self.net(obs), self._encoded(actions))
