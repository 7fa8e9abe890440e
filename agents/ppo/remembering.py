"""The policies of PPO and A2C that remember their episodes; and those of either kind from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.normalisation import ReturnScale
from agents.parts import BuildNet, OwnNets, saved_nets
from agents.policy import setup_from
from agents.ppo.config import OnPolicyConfig, PPOConfig
from agents.ppo.policy import ActorCriticPolicy, MemorylessActorCritic, network_for
from agents.recurrent import RecurrentPolicy
from agents.setup import Setup
from drl.nn import Network
from drl.nn.recurrent import Recurrent
from drl.settings import read


class RecurrentActorCritic(ActorCriticPolicy, RecurrentPolicy):
    """π(a|s, h; θ), V(s, h; θ): with the states h of actor and critic side by side."""

    net: Recurrent

    @property
    def state_size(self) -> int:
        return self.net.state_size

    def step(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        y, after, _ = self.net.unroll(obs, h)
        return self.decode(self.chosen(y[:, :-1], mask)), self.net.ops.numpy(after)

    def value_after(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.value_of(self.net.unroll(obs, h)[0][:, -1])

    def probs_after(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        return self.probs_of(self.net.unroll(obs, h)[0][:, :-1], mask)

    def log_prob_after(
        self, obs: np.ndarray, actions: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return self.log_prob_of(self.net.unroll(obs, h)[0][:, :-1], actions, mask)


def build_policy(
    config: OnPolicyConfig, setup: Setup, net: Network, returns: ReturnScale | None = None,
    own_nets: OwnNets | None = None,
) -> ActorCriticPolicy:  # fmt: skip
    """The policy of such a network."""
    kind = RecurrentActorCritic if isinstance(net, Recurrent) else MemorylessActorCritic
    return kind(config, setup, net, returns, own_nets)


def load_policy(
    state: Mapping[str, Any], where: str, net: BuildNet | None = None,
    critic_net: BuildNet | None = None, backend: str = "auto", device: str = "cpu",
    kind: type[OnPolicyConfig] = PPOConfig,
) -> ActorCriticPolicy:  # fmt: skip
    """From what `SavedPolicy.state` gave, read from `where`.

    net, critic_net  build the networks, where the policy was trained with the user's own
    kind             of its settings

    UserError where one is missing; an error of drl.state.UNFIT where the state does not fit.
    """
    config, setup = read(kind, state["policy"]["settings"]), setup_from(state, backend, device)
    nets, own = saved_nets(state["policy"], where, net, critic_net)
    made = network_for(config, setup, nets=nets)
    made.restore(state)
    returns = None
    if config.normalise_reward:
        returns = ReturnScale(config.gamma, 1)
        returns.load_learnt(state["returns"])
    return build_policy(config, setup, made, returns, own)
