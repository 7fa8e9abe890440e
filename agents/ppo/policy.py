"""What PPO or A2C has learnt, as a policy: a network and its distribution, without the learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.policy import SavedPolicy, setup_from
from agents.ppo.actions import ActionHead, action_head
from agents.ppo.config import OnPolicyConfig, PPOConfig
from agents.ppo.networks import CRITIC, actor_branches, build_network
from agents.setup import Setup
from drl.errors import UserError
from drl.nn import Network
from drl.nn.branches import Branches
from drl.nn.free import Free
from drl.nn.part import part
from drl.settings import read


class ActorCriticPolicy(SavedPolicy):
    """π(a|s; θ): (N, *shape) → actions (N, …) of the environment's space, the most probable ones.

    V(s; θ) is the critic's.
    """

    config: OnPolicyConfig

    def __init__(self, config: OnPolicyConfig, setup: Setup, net: Network) -> None:
        super().__init__(config, setup, net)
        self.head: ActionHead = action_head(config, setup.action_space)
        self.distribution = self.head.build(net.ops)
        self.actor, self.critic = part(net, *actor_branches(net)), part(net, CRITIC)

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return self.decode(self.distribution.mode(self.actor(obs), mask))

    def decode(self, samples: np.ndarray) -> np.ndarray:
        """Samples of the distribution → actions of the environment."""
        return self.head.decode(self.distribution.action(samples))

    def value(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """V(s; θ): (N, *shape) → (N,).   mask: all the same to a value."""
        v: np.ndarray = self.net.ops.numpy(self.critic(obs))
        return v[:, 0]

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
        made = Network([layer.unbound() for layer in actor.layers], self.net.input_shape,
                       self.net.ops)  # fmt: skip
        of = [(layer, name) for layer in actor.layers for name in layer.shapes]
        numbers = [self.net.ops.numpy(getattr(layer, name)).ravel() for layer, name in of]
        made.load(np.concatenate(numbers))
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


def load_policy(
    state: Mapping[str, Any], where: str, net: Any = None, backend: str = "auto",
    device: str = "cpu", kind: type[OnPolicyConfig] = PPOConfig,
) -> ActorCriticPolicy:  # fmt: skip
    """From what `SavedPolicy.state` gave, read from `where`.

    kind  of its settings

    UserError where a network is given; an error of drl.state.UNFIT where the state does not fit.
    """
    if net is not None:
        raise UserError(f"{where} was trained with the network of its settings: leave out net=")
    config, setup = read(kind, state["policy"]["settings"]), setup_from(state, backend, device)
    made = network_for(config, setup)
    made.restore(state)
    return ActorCriticPolicy(config, setup, made)
