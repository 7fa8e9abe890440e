"""What PPO or A2C has learnt, as a policy: a network and its distribution, without the learner."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.normalisation import ReturnScale
from agents.parts import NO_NETS, Nets, OwnNets
from agents.ppo.actions import ActionHead, action_head
from agents.ppo.config import OnPolicyConfig
from agents.ppo.networks import CRITIC, actor_branches, build_network, own_network
from agents.setup import Setup
from agents.stochastic import StochasticPolicy
from drl.nn import Network
from drl.nn.branches import Branches
from drl.nn.distributions import Categorical
from drl.nn.free import Free
from drl.nn.ops import Array
from drl.nn.part import part


class ActorCriticPolicy(StochasticPolicy):
    """π(a|s; θ) and V(s; θ): what the outputs of actor and critic mean, whether they remember their
    episodes or not.

    returns  whose deviation rewards were divided by; None: they were not
    """

    config: OnPolicyConfig

    def __init__(
        self, config: OnPolicyConfig, setup: Setup, net: Network,
        returns: ReturnScale | None = None, own_nets: OwnNets | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net, own_nets)
        self.returns = returns
        self.head: ActionHead = action_head(config, setup.action_space)
        self.actions, self.distribution = self.head.actions, self.head.build(net.ops)
        self.actor, self.critic = part(net, *actor_branches(net)), part(net, CRITIC)

    def mode(self, z: Array, mask: np.ndarray | None = None) -> np.ndarray:
        return self.distribution.mode(z, mask)

    def draw(
        self, z: Array, rng: np.random.Generator, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.distribution.sample(z, rng, mask)

    def decode(self, samples: np.ndarray) -> np.ndarray:
        """Samples of the distribution → actions of the environment."""
        return self.head.decode(self.distribution.action(samples))

    def probs_of(self, z: Array, mask: np.ndarray | None) -> np.ndarray | None:
        """π(·) of the actor's outputs z (N, A); None where actions are not Discrete."""
        if not isinstance(self.distribution, Categorical):
            return None
        return np.asarray(self.net.ops.numpy(self.distribution.probs(z, mask)))

    def log_prob_of(self, z: Array, actions: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """log π of z (N, D) and of the environment's own actions: (N,)."""
        samples = self.distribution.sample_of(self.head.encode(actions))
        return np.asarray(self.net.ops.numpy(self.distribution.log_prob(z, samples, mask)))

    def value_of(self, v: Array) -> np.ndarray:
        """The critic's outputs (N,) in the environment's rewards."""
        value: np.ndarray = self.net.ops.numpy(v)
        return value if self.returns is None else value * self.returns.std

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


class MemorylessActorCritic(ActorCriticPolicy):
    """What it does and what it expects depend on what it sees."""

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self.decode(self.chosen(self.actor(obs), mask))

    def value_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self.value_of(self.critic(obs)[:, 0])

    def probs_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return self.probs_of(self.actor(obs), mask)

    def log_prob_batch(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.log_prob_of(self.actor(obs), actions, mask)


def network_for(
    config: OnPolicyConfig, setup: Setup, seed: np.random.Generator | int = 0,
    nets: Nets = NO_NETS,
) -> Network:  # fmt: skip
    """The network of these settings in these spaces, or the user's own."""
    head, seen = action_head(config, setup.action_space), setup.observation_space
    if nets.net is not None:
        return own_network(config, nets, seen.shape, head.outputs, head.deviations, seed)
    return build_network(
        config, seen.shape, seen.dtype, head.outputs, head.deviations, seed, setup.backend,
        setup.dtype, setup.device, () if setup.encoder is None else setup.encoder.parts,
    )  # fmt: skip
