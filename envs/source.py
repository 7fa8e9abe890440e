"""Everything that a user can hand in as an environment, as one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envs.build import make
from envs.ids import resolve


class EnvSource:
    """Makes environments as often as it is asked."""

    def __init__(self, what: Any, id: str, record: dict[str, Any] | None) -> None:
        self.what, self.id, self.record = what, id, record

    def __call__(self, *, num_envs: int, seed: int, drawn: bool = False) -> Any:
        """`num_envs` environments, seeded."""
        if isinstance(self.what, str):
            return make(self.what, num_envs, seed, drawn)
        try:
            return self.what(num_envs=num_envs, seed=seed)
        except TypeError:
            return make(self.what, num_envs, seed, drawn)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> EnvSource:
        """From a run's settings."""
        return source(record["env"])


def source(
    env: Any, kwargs: Mapping[str, Any] | None = None, wrappers: Sequence[Any] = ()
) -> EnvSource:
    """See above."""
    if isinstance(env, EnvSource):
        return env
    if isinstance(env, str):
        id = resolve(env)
        return EnvSource(id, id, {"env": id})
    return EnvSource(env, getattr(env, "__name__", "env"), None)


def load_named(name: str) -> Any:
    """`module:Name` or `file.py:Name`."""
    import importlib

    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found
