"""`make`: N environments side by side from an id, ours or any of Gymnasium's."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from drl.closing import close
from drl.environment import VectorEnv
from drl.errors import UserError
from drl.extras import how
from drl.named import is_missing
from drl.nearest import asked
from drl.nn.memory import require_room_for_envs
from drl.raised import said
from envs.drawing import headless, no_pictures
from envs.gymnasium_env import GymVector
from envs.ids import OURS, own_class, resolve
from envs.nearest import EXTRAS, nearest_ids

NONE: Mapping[str, Any] = {}
Build = Callable[[], Any]  # one of Gymnasium's envs: a class of them, or a function


def make(
    id: str | Build, num_envs: int, seed: int, drawn: bool = False, compiled: bool = False,
    kwargs: Mapping[str, Any] = NONE, vector: Callable[..., VectorEnv] = GymVector,
) -> VectorEnv:  # fmt: skip
    """`num_envs` environments, seeded.

    id        ours, any of Gymnasium's, or a function that builds one gymnasium.Env (its class)
    drawn     `render` will be asked for: Gymnasium's environments must know that when they are made
    compiled  our own environments' loops by numba, where it is installed: the same numbers, sooner
              after a start that takes longer
    kwargs    for the class of ours, or for gymnasium.make
    vector    (id, num_envs, seed, build) → Gymnasium's environments side by side

    UserError: unknown id, spaces that a DQN cannot have, an environment that cannot be made or
    drawn.
    """
    require_room(num_envs)
    if not isinstance(id, str):
        return vector(None, num_envs, seed, id)
    id = resolve(id)
    try:
        if id in OURS:
            return own_class(id)(num_envs=num_envs, seed=seed, compiled=compiled, **kwargs)
        if id.startswith("MinAtar/"):
            from envs import minatar

            if id in minatar.IDS:
                return minatar.MinAtar(id, num_envs, seed, **kwargs)
        if id.startswith("ALE/"):
            from envs import atari

            if id in atari.ids():
                return atari.Atari(id, num_envs, seed, **kwargs)
    except ModuleNotFoundError as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    except TypeError as error:
        if not kwargs:
            raise
        raise UserError(f"{id} cannot be made with {dict(kwargs)} ({error})") from error
    return vector(id, num_envs, seed, partial(gymnasiums, id, drawn, kwargs))


def require_room(num_envs: int) -> None:
    """UserError where there are none, or more than this machine has room for."""
    if num_envs < 1:
        raise UserError(f"num_envs = {num_envs} is not possible: give at least 1")
    try:
        require_room_for_envs(num_envs)
    except MemoryError as error:
        raise UserError(str(error)) from error


def gymnasiums(id: str, drawn: bool = False, kwargs: Mapping[str, Any] = NONE) -> Any:
    """One of Gymnasium's envs.   UserError for what can be said better than by its exception
    (GymVector says the rest)."""
    import gymnasium as gym

    if drawn:
        headless()
    _import_named(id)
    if re.search(r"-v\d+$", id) and id.rpartition(":")[2] not in gym.registry:
        raise UserError(f"unknown environment {id!r}{_hint(id)}")
    try:
        # our own checks name what is wrong; Gymnasium's stumble over it
        env = gym.make(id, disable_env_checker=True, **kwargs)
        if not drawn or env.render_mode == "rgb_array":
            return env
        close(env, id)
        if "rgb_array" not in env.metadata.get("render_modes", []):
            raise no_pictures(id)
        given = {**kwargs, "render_mode": "rgb_array"}
        return gym.make(id, disable_env_checker=True, **given)
    except (gym.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    except (gym.error.UnregisteredEnv, gym.error.NamespaceNotFound) as error:
        raise UserError(f"unknown environment {id!r}{_hint(id)}") from error
    except gym.error.Error as error:
        raise UserError(f"{id}: {error}") from error
    except TypeError as error:
        if not kwargs or "keyword argument" not in str(error):
            raise
        raise UserError(f"{id} cannot be made with {dict(kwargs)} ({said(error)})") from error


def _import_named(id: str) -> None:
    """The module that `module:Id` names: Gymnasium imports it, so that it registers the id."""
    module = id.rpartition(":")[0]
    if not module:
        return
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not is_missing(module, error):
            raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
        raise UserError(
            f"unknown environment {id!r}: Python finds no module {error.name!r}; install it, or "
            "name its directory in PYTHONPATH"
        ) from error


def _hint(id: str) -> str:
    """What to do about an id that Gymnasium does not know."""
    module, _, name = id.rpartition(":")
    if module and isinstance(getattr(importlib.import_module(module), name, None), type):
        return (
            f": {module} has a class of that name, but does not register it; let it call "
            f"gymnasium.register({name + '-v0'!r}, {id!r}) and give {id}-v0"
        )
    near = nearest_ids(name)
    unregistered = f": {module} does not register it" if module else ""
    own = "" if module or not id.isidentifier() else f"; a class of yours is my_env.py:{id}"
    return unregistered + asked(near) + own


def _install(error: Exception) -> str:
    for word, extra in EXTRAS.items():
        if word in str(error):
            return how(extra)
    return str(error)
