"""The environment that a run or a policy file names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.job import record_of
from agents.policy import SavedPolicy
from drl.api.parts import say_code
from drl.closing import close
from drl.display.console import Console
from drl.environment import VectorEnv, encoder_of
from drl.errors import UserError
from drl.spaces import same, words
from envs.sources import EnvSource, source


def source_of(settings: Mapping[str, Any], console: Console, env: Any = None) -> EnvSource:
    """What makes a run's environments.

    env  given by the user; none: as the settings have it, and where that imports somebody's module
         it is said

    UserError where nothing names it.
    """
    channels = settings.get("channels", "as they are")  # older runs turned no picture
    if env is not None:
        return source(env).seen(channels)
    record = record_of(settings)
    if record is None:
        raise UserError(
            f"the environment {settings.get('env')} has no name by which it could be made again: "
            "give it as env=, to a method of drl.load_run(…)"
        )
    if not isinstance(record["env"], str):
        raise UserError(f"env={record['env']!r:.60} is not possible: expected an id")
    say_import(record, console)
    return EnvSource.from_record(record).seen(channels)


def say_import(record: Mapping[str, Any], console: Console) -> None:
    """An id like my_package:MyEnv-v0 imports a module, which runs its code: said before."""
    for name in (record["env"], *record.get("wrappers", ())):
        if ":" in str(name) and not str(name).startswith("gymnasium:"):
            what = "environment" if name == record["env"] else "wrapper"
            say_code(str(name), f"the {what} {name}", console)


def checked(policy: SavedPolicy, where: str, env: VectorEnv) -> VectorEnv:
    """The env again.   UserError where it is another than the one that the policy was learnt in."""
    mine, its = policy.encoder, encoder_of(env)
    fits = same(mine.original, its.original) and same(mine.space, its.space)
    if not fits or not same(policy.action_space, env.action_space):
        learnt = f"{words(policy.action_space)} for {words(mine.original)}"
        close(env)
        raise UserError(
            f"{where} learnt {learnt}, {env.id} has {words(env.action_space)} for "
            f"{words(its.original)}: has one of them changed since?"
        )
    return env
