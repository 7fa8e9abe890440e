"""What `source` asks of a class, a function, a wrapper; and what a record of them is."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from drl.errors import UserError
from drl.named import is_file, is_installed, name_of, split, thing
from envs.ids import called

Record = dict[str, Any]
Around = list[tuple[Callable[[Any], Any], str | None]]  # wrappers with their names
Parameters = Mapping[str, inspect.Parameter]


def wrapped_in(build: Callable[[], Any], around: Around) -> Callable[[], Any]:
    """The same function, with these wrappers put around what it makes.   UserError, when it is
    called, where one makes another environment."""
    if not around:
        return build

    def wrapped() -> Any:
        env = build()
        for wrap, _ in around:
            outer = wrap(env)
            if not goes_around(outer, env):
                raise UserError(
                    f"wrapper {called(wrap)} makes an environment of its own, without the one that "
                    "it is given: give it as the env, or a class of gymnasium.Wrapper"
                )
            env = outer
        return env

    wrapped.__name__ = called(build)  # for messages
    return wrapped


def goes_around(outer: Any, env: Any) -> bool:
    """Whether the environment is in what a wrapper has made of it, as far as can be seen: that, or
    one of its attributes.  Gymnasium's own wrappers keep theirs."""
    import gymnasium as gym

    if outer is env or not isinstance(outer, gym.Env) or isinstance(outer, gym.Wrapper):
        return True
    return any(value is env for value in vars(outer).values())


def named_wrapper(wrapper: Any) -> tuple[Callable[[Any], Any], str | None]:
    """A class of wrappers, and its lasting name."""
    name = wrapper if isinstance(wrapper, str) else None
    if name is not None:
        split(name)  # before anything is imported
    wrap = wrapper if name is None else thing(name)
    shown = name or called(wrap)
    if not callable(wrap):
        raise UserError(f"wrapper {shown} is no class: expected module:Class or a class")
    takes = parameters(wrap)
    if takes is not None:
        try:
            inspect.Signature(list(takes.values())).bind(None)
        except TypeError as error:
            raise UserError(
                f"wrapper {shown} is called with an env alone ({error}): give a class of yours "
                "that fills in the rest"
            ) from error
    if name and not is_file(name) and is_installed(split(name)[0]):
        return wrap, name
    return wrap, name_of(wrap)


def record_of(env: str | None, kwargs: dict[str, Any], around: Around) -> Record | None:
    """None where something in it has no name, or no JSON that gives it back."""
    names = [name for _, name in around]
    if env is None or None in names:
        return None
    try:
        if json.loads(json.dumps(kwargs, allow_nan=False)) != kwargs:
            return None
    except (TypeError, ValueError):
        return None
    return {"env": env, "env_kwargs": kwargs, "wrappers": names}


def checked_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    if kwargs is None:
        return {}
    if not isinstance(kwargs, Mapping) or not all(isinstance(key, str) for key in kwargs):
        raise UserError(f"env_kwargs should be a mapping of names to values, found {kwargs!r:.80}")
    return dict(kwargs)


def parameters(what: Any) -> Parameters | None:
    try:
        return inspect.signature(what).parameters
    except (TypeError, ValueError):  # of C, or with a signature that lies
        return None


def takes_name(takes: Parameters | None, name: str) -> bool:
    """Whether it can be given by name."""
    return takes is not None and (
        name in takes or any(p.kind is p.VAR_KEYWORD for p in takes.values())
    )


def is_env(env: Any) -> bool:
    """An environment, and not what makes one."""
    return not isinstance(env, type) and hasattr(env, "reset") and hasattr(env, "step")


def is_vector(env: Any, takes: Parameters | None) -> bool:
    """Whether it makes environments side by side: called with num_envs and seed."""
    if isinstance(env, type) and hasattr(env, "np_random"):  # Gymnasium's
        return False
    return takes is not None and "num_envs" in takes and "seed" in takes


def is_gymnasiums_vector(env: Any) -> bool:
    """Whether it is a class of gymnasium.vector.VectorEnv."""
    vector = sys.modules.get("gymnasium.vector")
    return isinstance(env, type) and vector is not None and issubclass(env, vector.VectorEnv)


def require_fitting(env: Any, kwargs: dict[str, Any], name: str) -> None:
    """UserError unless it can be called with these alone."""
    takes = parameters(env)
    if takes is None:
        return
    try:
        inspect.Signature(list(takes.values())).bind(**kwargs)
    except TypeError as error:
        raise UserError(
            f"{name} cannot be called with env_kwargs {kwargs} ({error}): it takes "
            f"({', '.join(takes)})"
        ) from error
