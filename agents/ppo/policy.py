"""What PPO or A2C has learnt, as a policy: a network and its distribution, without the learner."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.normalisation import ReturnScale
from agents.ppo.actions import ActionHead, action_head
from agents.ppo.config import OnPolicyConfig
from agents.ppo.networks import CRITIC, actor_branches, build_network
from agents.setup import Setup
from agents.stochastic import StochasticPolicy
from drl.errors import UserError
from drl.nn import Network
from drl.nn.branches import Branches
from drl.nn.distributions import Categorical
from drl.nn.free import Free
from drl.nn.ops import Array
from drl.nn.part import part
from drl.spaces import words


class ActorCriticPolicy(StochasticPolicy):
    """π(a|s; θ): (N, *shape) → actions (N, …) of the environment's space, the most probable ones.

    V(s; θ) is the critic's.

    returns  whose deviation rewards were divided by; None: they were not
    """

    config: OnPolicyConfig

    def __init__(
        self, config: OnPolicyConfig, setup: Setup, net: Network,
        returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net)
        self.returns = returns
        self.head: ActionHead = action_head(config, setup.action_space)
        self.actions, self.distribution = self.head.actions, self.head.build(net.ops)
        self.actor, self.critic = part(net, *actor_branches(net)), part(net, CRITIC)

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self.decode(self.chosen(self.actor(obs), mask))

    def mode(self, z: Array, mask: np.ndarray | None = None) -> np.ndarray:
        return self.distribution.mode(z, mask)

    def draw(
        self, z: Array, rng: np.random.Generator, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.distribution.sample(z, rng, mask)

    def log_probs(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        samples = self.distribution.sample_of(self.head.encode(actions))
        found: np.ndarray = self.net.ops.numpy(
            self.distribution.log_prob(self.actor(obs), samples, mask)
        )
        return found

    def probs(self, obs: Any, mask: np.ndarray | None = None) -> np.ndarray:
        """π(·|s; θ) of Discrete actions: N observations → (N, A); one gives (A,).

        UserError on what is not of the space, and where actions are not Discrete.
        """
        if not isinstance(self.distribution, Categorical):
            raise UserError(
                f"{words(self.action_space)} actions have no table of probabilities: ask log_prob "
                "of the actions that you mean"
            )
        batch, one, mask = self.asked(obs, mask)
        p: np.ndarray = self.net.ops.numpy(self.distribution.probs(self.actor(batch), mask))
        return p[0] if one else p

    def decode(self, samples: np.ndarray) -> np.ndarray:
        """Samples of the distribution → actions of the environment."""
        return self.head.decode(self.distribution.action(samples))

    def value(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """V(s; θ), in the environment's rewards: (N, *shape) → (N,).   mask: all the same to a
        value."""
        v: np.ndarray = self.net.ops.numpy(self.critic(obs))[:, 0]
        return v if self.returns is None else v * self.returns.std

    def state(self) -> dict[str, Any]:
        returns = {} if self.returns is None else {"returns": self.returns.learnt()}
        return super().state() | returns

    def about(self) -> dict[str, Any]:
        return super().about() | {"outputs": self.head.words}

    def told(self) -> list[str]:
        return [*super().told(), f"outputs: {self.head.words}"]

    def std(self) -> float | None:
        """Mean σ of continuous actions, in units of half the action space; None for others."""
        if not self.head.deviations:
            return None
        heads = self.net.layers[-1]
        assert isinstance(heads, Branches)
        (log_std,) = heads.branches["log_std"]
        assert isinstance(log_std, Free)
        return float(np.exp(self.net.ops.numpy(log_std.b)).mean())

    def deterministic_net(self) -> Network:
        """The actor alone: z(s) of its distribution, logits or means."""
        actor = part(self.net, "actor")
        layers = [layer.unbound() for layer in actor.layers]
        made = type(actor)(layers, self.net.input_shape, self.net.ops)
        for mine, its in zip(actor.layers, made.layers, strict=True):
            its.copy_from(mine)
        return made


def network_for(
    config: OnPolicyConfig, setup: Setup, seed: np.random.Generator | int = 0
) -> Network:  # fmt: skip
    """The network of these settings in these spaces."""
    head, seen = action_head(config, setup.action_space), setup.observation_space
    return build_network(
        config, seen.shape, seen.dtype, head.outputs, head.deviations, seed, setup.backend,
        setup.dtype, setup.device, () if setup.encoder is None else setup.encoder.parts,
    )  # fmt: skip
