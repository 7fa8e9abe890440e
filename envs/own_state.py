"""Environments that save and load their own state: asked instead of being played again."""

from __future__ import annotations

from typing import Any

import numpy as np


def tells_state(env: Any) -> bool:
    """Whether an env saves and loads its own state, and nothing around it has one but the clock."""
    from gymnasium import wrappers

    known = (wrappers.TimeLimit, wrappers.OrderEnforcing, wrappers.PassiveEnvChecker)
    inner = env.unwrapped
    while isinstance(env, known):
        env = env.env
    own = (getattr(inner, name, None) for name in ("state", "load_state"))
    return env is inner and all(map(callable, own))


def generator_of(env: Any) -> np.random.Generator | None:
    """The generator of an env's own (`np_random`); None where it has none, or one of another kind,
    as numpy's old RandomState."""
    generator = getattr(env.unwrapped, "np_random", None)
    return generator if isinstance(generator, np.random.Generator) else None


def generator_state(env: Any) -> dict[str, Any] | None:
    """That of its own generator, of which numpy makes a new dict."""
    generator = generator_of(env)
    return None if generator is None else dict(generator.bit_generator.state)


def load_generator(env: Any, state: dict[str, Any] | None) -> None:
    """Of `generator_state`."""
    generator = generator_of(env)
    if generator is not None and state is not None:
        generator.bit_generator.state = state


def own_state(env: Any) -> dict[str, Any]:
    clock = _clock(env)
    return {
        "state": env.unwrapped.state(),
        "generator": generator_state(env),
        "elapsed": None if clock is None else clock._elapsed_steps,
    }


def load_own_state(env: Any, own: dict[str, Any]) -> None:
    env.unwrapped.load_state(own["state"])
    load_generator(env, own["generator"])
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
