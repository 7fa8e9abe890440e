"""Encoded observations back as the environment has them: the inverse of drl.encoding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drl.encoding import Encoder, Part


def decode(encoder: Encoder, obs: np.ndarray, path: tuple[Any, ...] = ()) -> Any:
    """Observations (N, *space.shape) → those of `encoder.original`: arrays with N in front, in the
    same dicts and tuples.   Texts, which no array holds, are left out.

    path  keys and indices that lead to a part of the space, which alone is given back

    Numbers are as float32 has kept them.
    """
    space = encoder.original
    for key in path:
        space = space[key]
    return _tree(encoder, space, path, obs.reshape(len(obs), -1))


def _tree(encoder: Encoder, space: Any, path: tuple[Any, ...], rows: np.ndarray) -> Any:
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        inside = {key: _tree(encoder, s, (*path, key), rows) for key, s in space.spaces.items()}
        return {key: value for key, value in inside.items() if value is not None}
    if isinstance(space, spaces.Tuple):
        return tuple(_tree(encoder, s, (*path, i), rows) for i, s in enumerate(space.spaces))
    found = [part for part in encoder.parts if part.path == path]
    return values(found[0], space, rows[:, found[0].where]) if found else None


def values(part: Part, space: Any, numbers: np.ndarray) -> np.ndarray:
    """Values (N, *shape) of a space without spaces in it, from its part's numbers (N, size)."""
    count = len(numbers)
    if part.kind == "one-hot":
        ends = np.cumsum(part.counts)
        chosen = [
            first + numbers[:, end - size : end].argmax(axis=1)
            for first, size, end in zip(part.first, part.counts, ends, strict=True)
        ]
        numbers = np.stack(chosen, axis=1)
    elif part.axes:
        back = [1 + part.axes.index(axis) for axis in range(len(part.axes))]
        numbers = numbers.reshape(count, *part.shape).transpose(0, *back)
    shape = space.shape
    assert math.prod(shape) * count == numbers.size
    return np.array(numbers.reshape(count, *shape), space.dtype)
