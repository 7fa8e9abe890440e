"""The networks: a policy's, and critics side by side in one vector.

A critic's input is the vector (s, a): observations pixel by pixel, then the action.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.fronts import backend_for, build_front
from agents.parts import BuildNet, built
from agents.sac.config import ActorCriticConfig
from agents.sac.critics import Critic
from agents.setup import Setup
from drl.nn import Network
from drl.nn.branches import Branches, Slice
from drl.nn.init import INITS, uniform
from drl.nn.join import join
from drl.nn.layers import Flatten, Layer, Linear
from drl.nn.mlp import dense
from drl.nn.ops import Ops, make_ops

Seed = np.random.Generator | int
Chain = Callable[[Any], list[Layer]]  # config → the hidden layers


def plain_chain(config: ActorCriticConfig) -> list[Layer]:
    """A linear layer and the activation, for each width."""
    return dense(config.hidden, config.activation, init=config.init)


def ops_for(config: ActorCriticConfig, setup: Setup, outputs: int) -> Ops:
    """The array library of all its networks."""
    backend = setup.backend
    if backend == "auto":
        shape = setup.observation_space.shape
        backend = backend_for(config, shape, outputs, setup.device, _parts(setup))
    return make_ops(backend, setup.dtype, setup.device)


def policy_network(
    config: ActorCriticConfig, setup: Setup, outputs: int, ops: Ops, seed: Seed,
    chain: Chain = plain_chain,
) -> Network:  # fmt: skip
    """s → [front] → hidden layers → outputs.   ValueError where settings and shape do not fit."""
    shape = setup.observation_space.shape
    layers = [*_front(config, setup), *chain(config), Linear(outputs, init=_last(config))]
    return Network(layers, shape, ops, seed)


def critic_network(
    config: ActorCriticConfig, setup: Setup, critic: Critic, ops: Ops, seed: Seed,
    chain: Chain = plain_chain, net: BuildNet | None = None,
) -> Network:  # fmt: skip
    """(s, a) → [front of s beside a] → a chain of hidden layers for each critic; or what `net`
    builds for each."""
    shape, k = setup.observation_space.shape, math.prod(setup.action_space.shape)
    size = math.prod(shape)
    if net is not None:
        own = (built(net, (size + k,), critic.values, seed) for _ in range(critic.critics))
        return join({f"q{i + 1}": each for i, each in enumerate(own)}, ops)
    layers: list[Layer] = []
    front = [layer for layer in _front(config, setup) if not _nothing(layer, shape)]
    if front:
        layers.append(Branches({
            "obs": [Slice(0, size, shape), *front], "action": [Slice(size, size + k)],
        }))  # fmt: skip
    chains = {
        f"q{i + 1}": [*chain(config), Linear(critic.values, init=_last(config))]
        for i in range(critic.critics)
    }
    return Network([*layers, Branches(chains)], size + k, ops, seed)


def _front(config: ActorCriticConfig, setup: Setup) -> list[Layer]:
    space = setup.observation_space
    return build_front(config, space.shape, space.dtype, _parts(setup), config.normalise_obs)


def _nothing(layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether it would flatten what comes flat."""
    return isinstance(layer, Flatten) and len(shape) == 1


def _parts(setup: Setup) -> Any:
    return () if setup.encoder is None else setup.encoder.parts


def _last(config: ActorCriticConfig) -> Any:
    return uniform if config.init is None else INITS[config.init]
