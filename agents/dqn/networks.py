"""The Q-network of a configuration: the digits' layers, with the parts of the DQN family put in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from agents.dqn.categorical import C51Head
from agents.dqn.config import DQNConfig
from agents.dqn.heads import Head, QHead
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from agents.fronts import backend_for, build_front
from agents.parts import BuildNet, sized
from drl.encoding import Part
from drl.nn import Network
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.init import INITS, uniform
from drl.nn.layers import Layer, Linear
from drl.nn.mlp import dense
from drl.nn.noisy import NoisyLinear
from drl.nn.ops import Ops, make_ops


def own_network(
    net: BuildNet, config: DQNConfig, shape: tuple[int, ...], actions: int,
    seed: np.random.Generator | int,
) -> Network:  # fmt: skip
    """A network built by `net`, for the head of the settings.

    ValueError where the head needs another number of outputs, or (IQN) a layer that takes τ.
    """
    made = sized(net, shape, actions * outputs_per_action(config), seed)
    if made.conditional != (config.head == "iqn"):
        raise ValueError(
            "an implicit quantile network (head iqn) needs a QuantileEmbedding"
            if config.head == "iqn"
            else f"the network takes a condition besides x, which head {config.head} does not give"
        )
    return made


def outputs_per_action(config: DQNConfig) -> int:
    """How many of the network's outputs the head reads for one action."""
    return {"mean": 1, "c51": config.atoms, "qr": config.quantiles, "iqn": 1}[config.head]


def build_network(
    config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, actions: int,
    seed: np.random.Generator | int = 0,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu",
    parts: Sequence[Part] = (),
) -> Network:  # fmt: skip
    """Observations of `shape` → the outputs of the head, action by action.

    [scale] → features → hidden layers → outputs, where the features are the convolutions, or the
    first hidden layer where there are none.  IQN's embedding of τ follows the features; `noisy`
    makes every Linear behind the features a NoisyLinear; `dueling` doubles the last hidden layer,
    half for each stream.

    Bytes (uint8) are scaled by 1/255 unless the settings scale them.  With `normalise_obs` numbers
    are normalised behind that (agents.fronts.build_front).

    parts  of an observation that is several side by side (drl.encoding).  With `conv` each of its
           pictures has convolutions of its own, and all else a dense layer; unless the settings
           scale them, bytes are scaled by their parts' factors

    ValueError where settings and shape do not fit.
    """
    linear: Callable[..., Layer] = Linear
    if config.noisy:
        linear = partial(NoisyLinear, sigma=config.noisy_sigma)
    count = outputs_per_action(config)
    init = uniform if config.init is None else INITS[config.init]
    last = partial(linear, init=init)

    hidden = list(config.hidden)
    if config.dueling:
        if not hidden:
            raise ValueError("dueling needs a hidden layer to halve")
        hidden[-1] *= 2
    layers = build_front(config, shape, observation_dtype, parts, config.normalise_obs)
    if config.conv is None:
        layers += dense(hidden[:1], config.activation, init=config.init)
        hidden = hidden[1:]
    if config.head == "iqn":
        layers.append(QuantileEmbedding())
    layers += dense(hidden, config.activation, linear, config.init)
    layers.append(Dueling(actions, count, last) if config.dueling else last(actions * count))
    if backend == "auto":
        backend = backend_for(config, shape, actions * count, device, parts)
    return Network(layers, shape, make_ops(backend, dtype, device), seed)


def build_head(config: DQNConfig, ops: Ops, actions: int, rng: np.random.Generator) -> Head:
    """The head that `config.head` names.

    rng  draws IQN's fractions
    """
    if config.head == "c51":
        return C51Head(ops, actions, config.atoms, config.v_min, config.v_max)
    if config.head == "qr":
        return QuantileHead(ops, actions, config.quantiles)
    if config.head == "iqn":
        return ImplicitQuantileHead(ops, actions, config.iqn_samples, config.quantiles, rng)
    return QHead(ops, actions)
