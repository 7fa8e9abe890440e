"""Environments that save and load their own state: asked instead of being played again."""

from __future__ import annotations

import copy
from typing import Any


def tells_state(env: Any) -> bool:
    """Whether an env saves and loads its own state, and nothing around it has one but the clock."""
    from gymnasium import wrappers

    known = (wrappers.TimeLimit, wrappers.OrderEnforcing, wrappers.PassiveEnvChecker)
    inner = env.unwrapped
    while isinstance(env, known):
        env = env.env
    own = (getattr(inner, name, None) for name in ("state", "load_state"))
    return env is inner and all(map(callable, own))


def own_state(env: Any) -> dict[str, Any]:
    clock = _clock(env)
    return {
        "state": env.unwrapped.state(),
        "generator": copy.deepcopy(env.unwrapped.np_random.bit_generator.state),
        "elapsed": None if clock is None else clock._elapsed_steps,
    }


def load_own_state(env: Any, own: dict[str, Any]) -> None:
    env.unwrapped.load_state(own["state"])
    env.unwrapped.np_random.bit_generator.state = own["generator"]
    if own["elapsed"] is not None:
        _clock(env)._elapsed_steps = own["elapsed"]


def _clock(env: Any) -> Any:
    """The TimeLimit wrapper around an env, which counts its steps; None where there is none."""
    from gymnasium.wrappers import TimeLimit

    while not isinstance(env, TimeLimit):
        if not hasattr(env, "env"):
            return None
        env = env.env
    return env
