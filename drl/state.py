"""Putting a saved array back: only where it fits exactly."""

from __future__ import annotations

from typing import Any

import numpy as np


def fill(target: np.ndarray, source: Any, what: str) -> None:
    """target[:] = source.  ValueError unless shape and dtype are the same.

    Plain assignment would broadcast a single number over all parameters, and round float64 down.
    """
    if not isinstance(source, np.ndarray):
        raise ValueError(f"{what} should be an array, found {type(source).__name__}")
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ValueError(
            f"{what} should be {target.dtype} {target.shape}, found {source.dtype} {source.shape}"
        )
    target[:] = source
