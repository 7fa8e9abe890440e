"""Observations as a network takes them."""

from __future__ import annotations

from typing import Any

import numpy as np


def byte_scale(space: Any) -> tuple[float, ...]:
    """Factors that bring a Box of uint8 to 0 … 1: 1/255 for images, 1 for a board of 0 and 1.

    One for all where the space's `high` is the same everywhere, or where an observation is no
    vector; else one for each component.  What is always 0 is left as it is.
    """
    high = np.maximum(space.high, 1).astype(np.float64)
    if high.ndim != 1 or high.min() == high.max():
        high = high.max(keepdims=True).reshape(1)
    return tuple((1 / high).tolist())
