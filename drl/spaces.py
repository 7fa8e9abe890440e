"""Gymnasium's spaces as JSON and back, and in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_json(space: Any) -> dict[str, Any]:
    """Box and Discrete."""
    from gymnasium.spaces import Box

    if isinstance(space, Box):
        low, high = (_bound(b) for b in (space.low, space.high))
        return {"kind": "Box", "low": low, "high": high, "shape": list(space.shape),
                "dtype": space.dtype.name}  # fmt: skip
    return {"kind": "Discrete", "n": int(space.n), "start": int(space.start)}


def _bound(values: np.ndarray) -> Any:
    flat = values.astype(np.float64).ravel()
    kept = flat[:1] if flat.size and (flat == flat[0]).all() else flat
    return [str(v) if not np.isfinite(v) else float(v) for v in kept.tolist()]


def from_json(plain: Any) -> Any:
    """The inverse."""
    from gymnasium.spaces import Box, Discrete

    if plain["kind"] == "Discrete":
        return Discrete(int(plain["n"]), start=int(plain["start"]))
    shape, dtype = tuple(plain["shape"]), np.dtype(plain["dtype"])
    low, high = (
        np.broadcast_to(np.array([float(v) for v in plain[name]]), shape)
        if len(plain[name]) == 1
        else np.array([float(v) for v in plain[name]]).reshape(shape)
        for name in ("low", "high")
    )
    return Box(low.astype(dtype), high.astype(dtype), shape, dtype.type)


def same(a: Any, b: Any) -> bool:
    """Whether a policy for the one fits the other."""
    return bool(to_json(a) == to_json(b))


def words(space: Any) -> str:
    """In a few words."""
    if hasattr(space, "n"):
        return f"{space.n} actions"
    return f"{space.dtype} observations {space.shape}"
