"""The Q-network of a configuration: the digits' layers, with the parts of the DQN family put in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from agents.dqn.categorical import C51Head
from agents.dqn.config import DQNConfig
from agents.dqn.heads import Head, QHead
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from drl.encoding import Part, channels_first
from drl.nn import Network
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv, Pool
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.init import INITS, uniform
from drl.nn.layers import Layer, Linear, Scale
from drl.nn.mlp import choose_backend, dense, front, front_of
from drl.nn.noisy import NoisyLinear
from drl.nn.ops import Ops, make_ops


class BuildNet(Protocol):
    """Builds a network of your own.   partial(MLP, hidden=(32, 32)) is one."""

    def __call__(
        self, shape: tuple[int, ...], outputs: int, /, *, seed: np.random.Generator | int
    ) -> Network:
        """A new network at every call, from observations of `shape` to `outputs` numbers."""


def own_network(
    net: BuildNet, config: DQNConfig, shape: tuple[int, ...], actions: int,
    seed: np.random.Generator | int,
) -> Network:  # fmt: skip
    """A network built by `net`, for the head of the settings.

    ValueError where the head needs another number of outputs, or (IQN) a layer that takes τ.
    """
    outputs = actions * outputs_per_action(config)
    made = net(shape, outputs, seed=seed)
    if made.output_shapes[-1] != (outputs,):
        raise ValueError(f"the network gives {made.output_shapes[-1]}, the head needs ({outputs},)")
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

    Bytes (uint8) are scaled by 1/255 unless the settings scale them.

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
    convolutions = front_of(config.conv)
    scale = _scale(config, observation_dtype, parts)
    if convolutions and len(parts) > 1:
        layers = joined(config, convolutions, parts)
    else:
        layers = front(shape, convolutions, config.activation, scale=scale, init=config.init)
    if not convolutions:
        layers += dense(hidden[:1], config.activation, init=config.init)
        hidden = hidden[1:]
    if config.head == "iqn":
        layers.append(QuantileEmbedding())
    layers += dense(hidden, config.activation, linear, config.init)
    layers.append(Dueling(actions, count, last) if config.dueling else last(actions * count))
    if backend == "auto":
        pictures = [part.shape for part in parts if part.kind == "picture"]
        largest = max(pictures, key=math.prod) if convolutions and pictures else shape
        backend = choose_backend(largest, actions * count, config.hidden, convolutions, device)
    return Network(layers, shape, make_ops(backend, dtype, device), seed)


def joined(
    config: DQNConfig, convolutions: Sequence[Conv | Pool], parts: Sequence[Part]
) -> list[Layer]:  # fmt: skip
    """Pictures through convolutions of their own, all else through a dense layer, side by side.

    ValueError where there is no picture.
    """
    pictures = [part for part in parts if part.kind == "picture"]
    rest = [part for part in parts if part.kind != "picture"]
    if not pictures:
        raise ValueError(f"conv is {config.conv}, but no part of the observations is a picture")
    branches: dict[str, list[Layer]] = {}
    for i, part in enumerate(pictures):
        scale = part.factor if config.scale is None and part.factor != 1 else None
        branches[f"picture{i}"] = [
            Slice(part.where.start, part.where.stop, part.shape),
            *front(part.shape, convolutions, config.activation, scale=scale, init=config.init),
        ]
    if rest:
        stop = rest[-1].where.stop
        factors = tuple(f for part in rest for f in [part.factor] * math.prod(part.shape))
        scaled = config.scale is None and set(factors) != {1.0}
        branches["vector"] = [
            Slice(0, stop),
            *([Scale(factors)] if scaled else []),
            *dense(config.hidden[:1] or (64,), config.activation, init=config.init),
        ]
    given = _scale(config, np.float32)
    return [*([] if given is None else [Scale(given)]), Branches(branches)]


def channels_last(config: DQNConfig, shape: tuple[int, ...]) -> None:
    """ValueError where convolutions would take channels for rows: (3, 12, 10) is no 3×12 image."""
    if config.conv is None or len(shape) != 3:
        return
    if channels_first(shape):
        raise ValueError(
            f"observations {shape} look like images with their channels first, convolutions "
            "take (height, width, channels): wrap the env in gymnasium.wrappers."
            "TransformObservation with lambda x: x.transpose(1, 2, 0); if they are not, give a "
            "network of your own (Parts(net=…))"
        )


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


def _scale(
    config: DQNConfig, observation_dtype: Any, parts: Sequence[Part] = ()
) -> float | tuple[float, ...] | None:
    if config.scale is None:
        if len(parts) > 1:
            factors = tuple(f for part in parts for f in [part.factor] * math.prod(part.shape))
            return None if set(factors) == {1.0} else factors
        return 1 / 255 if np.dtype(observation_dtype) == np.uint8 else None
    return config.scale[0] if len(config.scale) == 1 else config.scale
