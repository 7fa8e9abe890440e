"""What an off-policy agent of continuous actions has learnt, as a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.policy import SavedPolicy
from agents.sac.actors import Actor, GaussianActor
from agents.sac.critics import Critic
from agents.sac.deterministic import deterministic_network
from agents.sac.targets import joined
from agents.setup import Setup
from drl.actions import UnitBox
from drl.errors import UserError
from drl.nn import Network
from drl.rng import generator


class ContinuousPolicy(SavedPolicy):
    """The most probable action of π(a|s; φ): (N, *shape) → (N, *action shape), the environment's
    own, and Q(s, a; θ) beside it.

    net, actor          the policy's network, and what its outputs mean
    critic_net, critic  the critics'
    """

    def __init__(
        self, config: Any, setup: Setup, net: Network, actor: Actor, critic_net: Network,
        critic: Critic,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net)
        self.actor, self.critic_net, self.critic = actor, critic_net, critic
        self.actions = self.unit = UnitBox(setup.action_space)

    def state(self) -> dict[str, Any]:
        """φ, θ, and all else that the policy is built from."""
        return super().state() | self.critic_net.saved("critic_net")

    def load_state(self, state: Mapping[str, Any]) -> None:
        """An error of drl.state.UNFIT where the state does not fit."""
        self.net.restore(state)
        self.critic_net.restore(state, "critic_net")

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self.unit.decode(self._chosen(obs).reshape(len(obs), *self.unit.space.shape))

    def _chosen(self, obs: np.ndarray) -> np.ndarray:
        """Within −1 … 1: (N, *shape) → (N, k)."""
        return self.actor.greedy(self.net(obs))

    def value(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Q(s, π(s); θ), in the environment's rewards: (N, *shape) → (N,).

        Where entropy is rewarded, that of later actions is part of it.
        """
        return self._q(obs, self._chosen(obs))

    def deterministic_net(self) -> Network:
        """s → the environment's own action."""
        return deterministic_network(self.net, self.unit)

    def q(self, obs: Any, action: Any) -> np.ndarray:
        """Q(s, a; θ) of the environment's own actions, in its rewards: N observations and actions
        → (N,); one of each gives a number.   UserError on what is not of the spaces."""
        batch, one = self.batch(obs)
        q = self._q(batch, self._given(action, len(batch)))
        return q[0] if one else q

    def _given(self, action: Any, count: int) -> np.ndarray:
        """The environment's own actions as they are chosen: (count, k).   UserError where they are
        of another shape."""
        given, shape = np.asarray(action), self.action_space.shape
        if given.shape not in (shape, (count, *shape)) or given.size != count * math.prod(shape):
            raise UserError(
                f"actions of shape {given.shape} for {count} observations: give {(count, *shape)}"
            )
        return self.unit.encode(given).reshape(count, -1).astype(np.float32)

    def _q(self, obs: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        ops = self.critic_net.ops
        z = self.critic_net(joined(ops, ops.asarray(obs), ops.asarray(chosen)))
        return np.asarray(ops.numpy(self.critic.q(z)[0]) / self.config.reward_scale)


class GaussianPolicy(ContinuousPolicy):
    """One that can be sampled, and knows how probable an action is."""

    actor: GaussianActor

    def sampled(self, seed: int) -> SampledPolicy:
        """The same policy, of φ as it is whenever it is asked, whose actions are drawn."""
        return SampledPolicy(self, generator(seed, "policy"))

    def log_prob(self, obs: Any, action: Any) -> np.ndarray:
        """log π(a|s; φ) of the environment's own actions, as a density within −1 … 1: N
        observations and actions → (N,); one of each gives a number.   UserError as of `q`."""
        batch, one = self.batch(obs)
        log_prob = self.actor.log_prob(self.net(batch), self._given(action, len(batch)))
        return log_prob[0] if one else log_prob


class SampledPolicy(GaussianPolicy):
    """a ~ π(·|s; φ): the actions of another policy, drawn."""

    def __init__(self, of: GaussianPolicy, rng: np.random.Generator) -> None:
        vars(self).update(vars(of))  # the same networks and parts
        self.rng = rng

    def _chosen(self, obs: np.ndarray) -> np.ndarray:
        return self.actor.explore(self.net(obs), self.rng)
