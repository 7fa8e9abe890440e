"""Environments: our own, vectorised and fast, and any of Gymnasium's.

Names are fetched when they are first asked for: `import envs` loads neither numpy nor Gymnasium.
Gymnasium is told of our ids as soon as both are imported, whichever comes first.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drl.environment import EnvFactory, Step, VectorEnv
    from drl.named import importing
    from envs.acrobot import Acrobot
    from envs.bit_flip import BitFlip
    from envs.build import make
    from envs.cartpole import CartPole, CartPolePositions
    from envs.catch import Catch
    from envs.chain import Chain
    from envs.gymnasium_env import GymVector
    from envs.ids import resolve
    from envs.mountain_car import MountainCar
    from envs.mountain_car_continuous import MountainCarContinuous
    from envs.numpy_env import NumpyEnv
    from envs.pendulum import Pendulum
    from envs.pixels import CartPolePixels
    from envs.reach import Reach
    from envs.sources import EnvSource, source

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "Acrobot",
    "BitFlip",
    "CartPole",
    "CartPolePixels",
    "CartPolePositions",
    "Catch",
    "Chain",
    "GymVector",
    "MountainCar",
    "MountainCarContinuous",
    "NumpyEnv",
    "Pendulum",
    "Reach",
    "Step",
    "VectorEnv",
    "EnvFactory",
    "make",
    "resolve",
    "EnvSource",
    "source",
    "importing",
]

WHERE = {
    "Acrobot": "envs.acrobot",
    "BitFlip": "envs.bit_flip",
    "CartPole": "envs.cartpole",
    "CartPolePixels": "envs.pixels",
    "CartPolePositions": "envs.cartpole",
    "Catch": "envs.catch",
    "Chain": "envs.chain",
    "GymVector": "envs.gymnasium_env",
    "MountainCar": "envs.mountain_car",
    "MountainCarContinuous": "envs.mountain_car_continuous",
    "NumpyEnv": "envs.numpy_env",
    "Pendulum": "envs.pendulum",
    "Reach": "envs.reach",
    "Step": "drl.environment",
    "VectorEnv": "drl.environment",
    "EnvFactory": "drl.environment",
    "make": "envs.build",
    "resolve": "envs.ids",
    "EnvSource": "envs.sources",
    "source": "envs.sources",
    "importing": "drl.named",
}


class Announcement:
    """A finder that finds nothing of its own: it waits for Gymnasium's import, and is gone."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Gymnasium's own spec, which tells it of our ids when it has been executed."""
        if name != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: Any) -> None:
                execute(module)
                _register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register() -> None:
    from envs.ids import register

    register()


if "gymnasium" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, Announcement())


def __getattr__(name: str) -> Any:
    if name not in WHERE:
        raise AttributeError(f"module 'envs' has no attribute {name!r}")
    return getattr(import_module(WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
