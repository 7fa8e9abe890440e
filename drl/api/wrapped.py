"""A word on wrappers that normalise by statistics of their own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from drl.environment import VectorEnv


def statistics_lines(envs: VectorEnv, settings: Collection[str]) -> list[str]:
    """Why each wrapper around them that keeps statistics scores wrongly here, and what to use.

    settings  names of those that the agent and its training have
    """
    lines = []
    for name in getattr(envs, "keep_statistics", ()):
        if "Reward" in name:
            what, own = "rewards", ("normalise_reward", "reward_scale")
        else:
            what, own = "observations", ("normalise_obs", "scale")
        known = [f"`{setting}`" for setting in own if setting in settings]
        use = known[0] if known else "constant factors in the environment"
        lines.append(
            f"{name} normalises {what} by statistics of its own, which each environment gathers "
            "anew: evaluations and later processes see other numbers than the policy has learnt "
            f"from, and score wrongly; use {use} in its place"
        )
    return lines


def settings_of(*configs: Any) -> set[str]:
    """Names of their settings."""
    return {field.name for config in configs for field in fields(config)}
