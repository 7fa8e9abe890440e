"""Wrappers that keep statistics of what they have seen: which of them are around an environment."""

from __future__ import annotations

from typing import Any


def keeps_statistics(env: Any) -> list[str]:
    """Names of Gymnasium's wrappers around an env whose observations or rewards depend on what came
    before in this one object: NormalizeObservation, NormalizeReward, and what derives from them."""
    from gymnasium import wrappers

    found = []
    while hasattr(env, "env"):
        if isinstance(env, (wrappers.NormalizeObservation, wrappers.NormalizeReward)):
            found.append(type(env).__name__)
        env = env.env
    return found
