"""Masks of actions as a memory keeps them: a bit for each action.

Shapes: A actions, ⌈A/8⌉ bytes.
"""

from __future__ import annotations

import numpy as np


def bytes_of(actions: int) -> int:
    """⌈A/8⌉"""
    return -(-actions // 8)


def unset(shape: tuple[int, ...], actions: int) -> np.ndarray:
    """(*shape, ⌈A/8⌉) bytes of masks that allow everything."""
    return np.full((*shape, bytes_of(actions)), 255, np.uint8)


def packed(mask: np.ndarray | None, count: int, actions: int) -> np.ndarray:
    """(count, A) bool → (count, ⌈A/8⌉) bytes; None allows everything.

    A row that allows nothing becomes one that allows everything: it is of an observation in which
    nothing is chosen, since the episode has ended there, and a maximum over nothing is no number.
    """
    if mask is None:
        return unset((count,), actions)
    return np.packbits(mask | ~mask.any(axis=1, keepdims=True), axis=1)


def unpacked(bits: np.ndarray, actions: int) -> np.ndarray:
    """(…, ⌈A/8⌉) bytes → (…, A) bool."""
    return np.unpackbits(bits, axis=-1, count=actions).view(np.bool_)
