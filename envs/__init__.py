"""Environments: our own, vectorised and fast, and any of Gymnasium's.

Names are fetched when they are first asked for: `import envs` loads neither numpy nor Gymnasium.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drl.environment import EnvFactory, Step, VectorEnv
    from envs.build import factory, make
    from envs.cartpole import CartPole
    from envs.catch import Catch
    from envs.chain import Chain
    from envs.gymnasium_env import GymVector
    from envs.ids import resolve
    from envs.numpy_env import NumpyEnv
    from envs.pixels import CartPolePixels

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "CartPole",
    "CartPolePixels",
    "Catch",
    "Chain",
    "GymVector",
    "NumpyEnv",
    "Step",
    "VectorEnv",
    "EnvFactory",
    "make",
    "resolve",
    "factory",
]

WHERE = {
    "CartPole": "envs.cartpole",
    "CartPolePixels": "envs.pixels",
    "Catch": "envs.catch",
    "Chain": "envs.chain",
    "GymVector": "envs.gymnasium_env",
    "NumpyEnv": "envs.numpy_env",
    "Step": "drl.environment",
    "VectorEnv": "drl.environment",
    "EnvFactory": "drl.environment",
    "make": "envs.build",
    "resolve": "envs.ids",
    "factory": "envs.build",
}


def __getattr__(name: str) -> Any:
    if name not in WHERE:
        raise AttributeError(f"module 'envs' has no attribute {name!r}")
    return getattr(import_module(WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
