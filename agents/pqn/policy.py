"""What PQN has learnt, as a policy: a Q-network, without the learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.dqn.heads import best_action
from agents.fronts import backend_for, build_front
from agents.normalisation import ReturnScale
from agents.parts import BuildNet, built, saved_nets
from agents.policy import setup_from
from agents.pqn.config import ADDED, PQNConfig
from agents.q_policy import QPolicy
from agents.setup import Setup
from drl.actions import numbered
from drl.encoding import Part
from drl.nn import Network
from drl.nn.layers import Linear
from drl.nn.mlp import dense
from drl.nn.ops import make_ops
from drl.settings import read


class PQNPolicy(QPolicy):
    """π(s) = argmax_a Q(s, a; θ): (N, *shape) → the environment's own actions (N, *action shape).

    Arguments as of QPolicy.
    """

    config: PQNConfig

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        allowed = None if mask is None else self.actions.mask(mask)
        return self.actions.decode(self.best(obs, allowed))

    def best(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """argmax_a Q(s, a; θ), by number: (N, *shape) → (N,).   mask: (N, A) bool; None: all."""
        ops = self.net.ops
        allowed = None if mask is None else ops.booleans(mask)
        return ops.numpy(best_action(ops, self.net(obs), allowed))

    def q_batch(self, obs: np.ndarray) -> np.ndarray:
        return np.asarray(self.net.ops.numpy(self.net(obs)) / self.unit)


def network_for(
    config: PQNConfig, setup: Setup, seed: np.random.Generator | int = 0,
    net: BuildNet | None = None,
) -> Network:  # fmt: skip
    """Observations → Q(s, ·), of these settings in these spaces:

    [scale] → [normalise] → [convolutions] → hidden layers → outputs, with LayerNorm before every
    activation; or what `net` builds.   ValueError where settings and shape do not fit.
    """
    seen, actions = setup.observation_space, numbered(setup.action_space, config.discretise).n
    if net is not None:
        return built(net, seen.shape, actions, seed)
    parts: Sequence[Part] = () if setup.encoder is None else setup.encoder.parts
    norm, backend = config.layer_norm, setup.backend
    layers = build_front(config, seen.shape, seen.dtype, parts, config.normalise_obs, norm)
    layers += dense(config.hidden, config.activation, init=config.init, layer_norm=norm)
    layers.append(Linear(actions))
    if backend == "auto":
        backend = backend_for(config, seen.shape, actions, setup.device, parts)
    return Network(layers, seen.shape, make_ops(backend, setup.dtype, setup.device), seed)


def load_policy(
    state: Mapping[str, Any], where: str, net: BuildNet | None = None, backend: str = "auto",
    device: str = "cpu",
) -> PQNPolicy:  # fmt: skip
    """From what `PQNPolicy.state` gave, read from `where`.

    net  builds the network, where the policy was trained with one of the user's own

    UserError where it is missing; an error of drl.state.UNFIT where the state does not fit.
    """
    about = state["policy"]
    config, setup = read(PQNConfig, about["settings"], ADDED), setup_from(state, backend, device)
    nets, own = saved_nets(about, where, net)
    made = network_for(config, setup, net=nets.net)
    made.restore(state)
    returns = None
    if config.normalise_reward:
        returns = ReturnScale(config.gamma, 1)
        returns.load_learnt(state["returns"])
    actions = numbered(setup.action_space, config.discretise, about.get("action_values"))
    return PQNPolicy(config, setup, made, actions, returns, own)
