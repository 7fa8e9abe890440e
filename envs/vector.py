"""`make`: N worlds side by side from an id, ours or any of Gymnasium's."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from drl.errors import UserError
from envs.cartpole import CartPole
from envs.catch import Catch
from envs.chain import Chain
from envs.core import NumpyEnv, VectorEnv
from envs.drawing import headless, no_pictures
from envs.gym_vector import GymVector
from envs.pixels import CartPolePixels

OURS: dict[str, type[NumpyEnv]] = {
    "CartPole-v1": CartPole,
    "drl/CartPolePixels-v1": CartPolePixels,
    "drl/Catch-v0": Catch,
    "drl/Chain-v0": Chain,
}

# a word of the complaint → our extra
EXTRAS = {"Box2D": "box2d", "box2d": "box2d", "minatar": "minatar", "ale_py": "atari"}


Build = Callable[[], Any]  # one of Gymnasium's envs: a class of them, or a function


class Worlds(Protocol):
    """Makes worlds as often as it is asked."""

    def __call__(self, *, num_envs: int, seed: int) -> VectorEnv:
        """`num_envs` worlds, seeded."""


def worlds(what: str | Build) -> Worlds:
    """`make` of this id, or of this function, for whoever needs worlds more than once."""
    return partial(make, what)


def make(
    id: str | Build, num_envs: int, seed: int, drawn: bool = False, compiled: bool = False
) -> VectorEnv:
    """`num_envs` worlds, seeded.

    id        ours, any of Gymnasium's, or a function that builds one gymnasium.Env (its class)
    drawn     `picture` will be asked for: Gymnasium's worlds must know that when they are made
    compiled  our own worlds' loops by numba, where it is installed: the same numbers, sooner after
              a start that takes longer

    UserError: unknown id, spaces that a DQN cannot have, a world that cannot be drawn.
    """
    if num_envs < 1:
        raise UserError(f"--num-envs {num_envs} is not possible: give at least 1")
    if not isinstance(id, str):
        return GymVector(getattr(id, "__name__", type(id).__name__), num_envs, seed, id)
    if id in OURS:
        return OURS[id](id=id, num_envs=num_envs, seed=seed, compiled=compiled)
    try:
        if id.startswith("MinAtar/"):
            from envs import minatar

            if id in minatar.IDS:
                return minatar.MinAtar(id, num_envs, seed)
        if id.startswith("ALE/"):
            from envs import atari

            if id in atari.ids():
                return atari.Atari(id, num_envs, seed)
    except ModuleNotFoundError as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    build = partial(_one_of_gymnasiums, id, "rgb_array" if drawn else None)
    return GymVector(id, num_envs, seed, build)


def _one_of_gymnasiums(id: str, render_mode: str | None) -> Any:
    import gymnasium as gym

    if render_mode is not None:
        headless()
    try:
        env = gym.make(id)
        if render_mode is None:
            return env
        env.close()
        if render_mode not in env.metadata.get("render_modes", []):
            raise no_pictures(id)
        return gym.make(id, render_mode=render_mode, disable_env_checker=True)
    except gym.error.DependencyNotInstalled as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    except (gym.error.UnregisteredEnv, gym.error.NamespaceNotFound) as error:
        near = difflib.get_close_matches(id, {*gym.registry, *_others()}, n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise UserError(f"unknown environment {id!r}{hint}") from error
    except gym.error.Error as error:
        raise UserError(f"{id}: {error}") from error


def _others() -> set[str]:
    """Ids that Gymnasium does not know of; the Atari games where their package is here."""
    from envs import atari, minatar

    others = {*OURS, *minatar.IDS}
    with contextlib.suppress(ModuleNotFoundError):
        others |= atari.ids().keys()
    return others


def _install(error: Exception) -> str:
    for word, extra in EXTRAS.items():
        if word in str(error):
            return f"pip install 'drl-toolkit[{extra}]'"
    return str(error)
