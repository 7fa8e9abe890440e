"""The layers between observations and the first hidden layer, as an agent's settings name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from agents.setup import Setup
from drl.encoding import Part
from drl.errors import UserError
from drl.foreign import kind_of
from drl.leaves import channels_first
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv, Pool
from drl.nn.layers import Layer, Scale
from drl.nn.mlp import choose_backend, dense, front, front_of
from drl.nn.normalise import Normalise


class FrontConfig(Protocol):
    """The settings that these layers are built by, of whichever agent."""

    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str: ...
    @property
    def conv(self) -> str | None: ...
    @property
    def init(self) -> str | None: ...
    @property
    def scale(self) -> tuple[float, ...] | None: ...


def build_front(
    config: FrontConfig, shape: tuple[int, ...], observation_dtype: Any,
    parts: Sequence[Part] = (), normalise: bool = False, layer_norm: bool = False,
) -> list[Layer]:  # fmt: skip
    """Observations of `shape` → [scale] → [normalise] → [convolutions] → a vector.

    Bytes (uint8) are scaled by 1/255 unless the settings scale them.

    parts       of an observation that is several side by side (drl.encoding).  With `conv` each of
                its pictures has convolutions of its own, and all else a dense layer; unless the
                settings scale them, bytes are scaled by their parts' factors
    normalise   numbers in units of their own deviation, pictures of numbers too; one-hots, bits,
                and pictures in bytes, have their units already
    layer_norm  LayerNorm between a layer's products and its activation

    ValueError where settings and shape do not fit, and where there is nothing to normalise.
    """
    alone = len(shape) != 3 or np.dtype(observation_dtype) != np.uint8
    if normalise and not (any(map(_normalised, parts)) if parts else alone):
        raise ValueError(
            "`normalise_obs` has nothing to normalise: one-hots, bits, and pictures in bytes, have "
            "their units already; leave it out"
        )
    convolutions = front_of(config.conv)
    if convolutions and len(parts) > 1:
        return joined(config, convolutions, parts, normalise, layer_norm)
    return front(
        shape, convolutions, config.activation, scale=_scale(config, observation_dtype, parts),
        init=config.init, normalise=_normalise(parts) if normalise else None,
        layer_norm=layer_norm,
    )  # fmt: skip


def backend_for(
    config: FrontConfig, shape: tuple[int, ...], outputs: int, device: str,
    parts: Sequence[Part] = (),
) -> str:  # fmt: skip
    """The array library that `auto` is, by the sizes of the layers."""
    convolutions = front_of(config.conv)
    pictures = [part.shape for part in parts if part.kind == "picture"]
    largest = max(pictures, key=math.prod) if convolutions and pictures else shape
    return choose_backend(largest, outputs, config.hidden, convolutions, device)


def joined(
    config: FrontConfig, convolutions: Sequence[Conv | Pool], parts: Sequence[Part],
    normalise: bool = False, layer_norm: bool = False,
) -> list[Layer]:  # fmt: skip
    """Pictures through convolutions of their own, all else through a dense layer, side by side.
    Arguments as in `build_front`.

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
            *front(part.shape, convolutions, config.activation, scale=scale, init=config.init,
                   normalise=_normalise([part]) if normalise else None, layer_norm=layer_norm),
        ]  # fmt: skip
    if rest:
        stop = rest[-1].where.stop
        factors = tuple(f for part in rest for f in [part.factor] * math.prod(part.shape))
        scaled = config.scale is None and set(factors) != {1.0}
        branches["vector"] = [
            Slice(0, stop),
            *([Scale(factors)] if scaled else []),
            *([units] if normalise and (units := _normalise(rest)) is not None else []),
            *dense(
                config.hidden[:1] or (64,),
                config.activation,
                init=config.init,
                layer_norm=layer_norm,
            ),
        ]
    given = _scale(config, np.float32)
    return [*([] if given is None else [Scale(given)]), Branches(branches)]


def require_suited(
    config: FrontConfig, setup: Setup, agent: str, own_net: bool = False
) -> None:  # fmt: skip
    """UserError unless these layers can take the observations; ValueError where convolutions would
    take channels for rows.

    agent    by name, for people
    own_net  whether the user's own network takes their place, whose affair convolutions are
    """
    from gymnasium.spaces import Box

    seen, encoder = setup.observation_space, setup.encoder
    if not isinstance(seen, Box):
        verb = "take" if " and " in agent else "takes"
        raise UserError(
            f"{agent} {verb} Box observations, found {kind_of(seen)}: choose another env or wrap it"
        )
    if not own_net and (encoder is None or (encoder.plain and encoder.channels is None)):
        channels_last(config, seen.shape)


def channels_last(config: FrontConfig, shape: tuple[int, ...]) -> None:
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


def _normalise(parts: Sequence[Part]) -> Normalise | None:
    """The layer for these parts side by side; None where none of them is normalised."""
    which = [_normalised(part) for part in parts]
    if all(which) or not any(which):
        return Normalise() if all(which) else None
    each = zip(parts, which, strict=True)
    return Normalise(where=[yes for part, yes in each for _ in range(math.prod(part.shape))])


def _normalised(part: Part) -> bool:
    return part.kind == "numbers" or (part.kind == "picture" and not part.bytes)


def _scale(
    config: FrontConfig, observation_dtype: Any, parts: Sequence[Part] = ()
) -> float | tuple[float, ...] | None:
    if config.scale is None:
        if len(parts) > 1:
            factors = tuple(f for part in parts for f in [part.factor] * math.prod(part.shape))
            return None if set(factors) == {1.0} else factors
        return 1 / 255 if np.dtype(observation_dtype) == np.uint8 else None
    return config.scale[0] if len(config.scale) == 1 else config.scale
