"""The numbers that an agent reads off the spaces of its environments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from drl.environment import VectorEnv


class Sizes(NamedTuple):
    """Of one environment with a Box of observations and Discrete actions."""

    shape: tuple[int, ...]  # of an observation
    observation_dtype: Any
    actions: int
    first_action: int  # its number; actions are first_action … first_action + actions − 1


def sizes(envs: VectorEnv) -> Sizes:
    """Of these environments."""
    observation: Any = envs.observation_space
    action: Any = envs.action_space
    return Sizes(tuple(observation.shape), observation.dtype, int(action.n), int(action.start))


def byte_scale(space: Any) -> tuple[float, ...]:
    """Factors that bring a Box of uint8 to 0 … 1: 1/255 for images, 1 for a board of 0 and 1.

    One for all where the space's `high` is the same everywhere, or where an observation is no
    vector; else one for each component.  What is always 0 is left as it is.
    """
    high = np.maximum(space.high, 1).astype(np.float64)
    if high.ndim != 1 or high.min() == high.max():
        high = high.max(keepdims=True).reshape(1)
    return tuple((1 / high).tolist())
