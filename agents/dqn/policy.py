"""What a DQN has learnt, as a policy: a Q-network and its head, without the learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.dqn.config import DQNConfig, from_settings
from agents.dqn.deterministic import deterministic_network
from agents.dqn.heads import Head, greedy
from agents.dqn.networks import build_head, build_network, own_network
from agents.normalisation import ReturnScale
from agents.parts import BuildNet, OwnNets, saved_nets
from agents.policy import setup_from
from agents.q_policy import QPolicy
from agents.setup import Setup
from drl.actions import Numbered, numbered
from drl.errors import UserError
from drl.nn import Network
from drl.state import whole


class DQNPolicy(QPolicy):
    """π(s) = argmax_a Q(s, a; θ): (N, *shape) → the environment's own actions (N, *action shape).

    actions  by the numbers of the network's outputs
    own_nets  "net", where the network is not the settings' but was built by `Parts.net`
    returns  whose deviation rewards were divided by; None: they were not
    """

    agent = "dqn"
    config: DQNConfig

    def __init__(
        self, config: DQNConfig, setup: Setup, net: Network, head: Head, actions: Numbered,
        own_nets: OwnNets | None = None, returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, setup, net, actions, returns, own_nets)
        self.head = head

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        allowed = None if mask is None else self.actions.mask(mask)
        return self.actions.decode(greedy(self.head, self.net, obs, allowed))

    def q_batch(self, obs: np.ndarray) -> np.ndarray:
        self.net.resample(None)
        q = self.head.mean(self.head.outputs(self.net, obs))
        return np.asarray(self.net.ops.numpy(q) / self.unit)

    def settings(self) -> dict[str, Any]:
        return {"own_net": False} | super().settings()

    def deterministic_net(self) -> Network:
        """Q(s, ·), in scaled rewards.   UserError where outputs are a distribution that no linear
        map averages."""
        try:
            return deterministic_network(self.head, self.net)
        except ValueError:
            raise UserError(
                f"the policy was learnt with `head={self.config.head}`, whose outputs are a "
                "distribution; networks of `head=mean` and `head=qr` can be exported"
            ) from None


def load_policy(
    state: Mapping[str, Any], where: str, net: BuildNet | None = None, backend: str = "auto",
    device: str = "cpu",
) -> DQNPolicy:  # fmt: skip
    """From what `DQNPolicy.state` gave, read from `where`.

    net  builds the network, where the policy was trained with one of the user's own (`Parts.net`)

    UserError where it is missing; an error of drl.state.UNFIT where the state does not fit.
    """
    about, params = state["policy"], state["net"]
    config = from_settings(about["settings"])
    nets, own = saved_nets(about, where, net)
    setup = _setup(state, backend, device)
    seen = setup.observation_space
    actions = numbered(setup.action_space, config.discretise, about.get("action_values"))
    count = actions.n
    if nets.net is not None:
        made = own_network(nets.net, config, seen.shape, count, 0)
    else:
        made = build_network(
            config, seen.shape, seen.dtype, count, 0, backend, params.dtype.name, device,
            () if setup.encoder is None else setup.encoder.parts,
        )  # fmt: skip
    made.restore(state)
    head = build_head(config, made.ops, count, np.random.default_rng(0))
    returns = None
    if config.normalise_reward:
        returns = ReturnScale(config.gamma, 1)
        returns.load_learnt(state["returns"])
    return DQNPolicy(config, setup, made, head, actions, own, returns)


def _setup(state: Mapping[str, Any], backend: str, device: str) -> Setup:
    """What it is built for; files of format 3 tell shape, dtype and numbers of spaces."""
    from gymnasium.spaces import Box, Discrete

    about = state["policy"]
    if "observation_space" in about:
        return setup_from(state, backend, device)
    shape, dtype = tuple(about["shape"]), np.dtype(about["observation_dtype"])
    low, high = (-np.inf, np.inf) if dtype.kind == "f" else (0, 1 if dtype.kind == "b" else 255)
    first = whole(about, "first_action", -(2**31)) if "first_action" in about else 0
    count = whole(about, "actions", low=1)
    return Setup(Box(low, high, shape, dtype.type), Discrete(count, start=first))
