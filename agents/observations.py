"""Observations as a network takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

C = TypeVar("C", bound=Any)  # a config


def byte_scale(space: Any) -> tuple[float, ...]:
    """Factors that bring a Box of uint8 to 0 … 1: 1/255 for images, 1 for a board of 0 and 1.

    One for all where the space's `high` is the same everywhere, or where an observation is no
    vector; else one for each component.  What is always 0 is left as it is.
    """
    high = np.maximum(space.high, 1).astype(np.float64)
    if high.ndim != 1 or high.min() == high.max():
        high = high.max(keepdims=True).reshape(1)
    return tuple((1 / high).tolist())


def scaled(config: C, space: Any) -> tuple[C, list[str]]:
    """A config whose `scale` brings bytes to 0 … 1 where it is left open, and a line that says so.

    Done once in the life of a run, which keeps the numbers.
    """
    if config.scale is not None or space.dtype != np.uint8:
        return config, []
    scale = byte_scale(space)
    factor = f"1/{1 / scale[0]:g}" if len(scale) == 1 else "a factor for each component"
    line = f"observations are bytes, brought to 0 … 1 by {factor}, from their space"
    return replace(config, scale=scale), [line]
