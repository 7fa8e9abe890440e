"""Which environment was probably meant by an id that nobody knows."""

from __future__ import annotations

import re
import warnings
from typing import NamedTuple

from drl.nearest import likeness, plain
from envs.ids import REGISTERED, others

ALIKE = 0.7  # of drl.nearest.likeness
EXTRAS = {  # a word of the complaint → our extra
    "Box2D": "box2d", "box2d": "box2d", "minatar": "minatar", "ale_py": "atari",
    "mujoco": "mujoco", "MuJoCo": "mujoco",
}  # fmt: skip


class Id(NamedTuple):
    """namespace/name-v0, each but the name maybe empty."""

    namespace: str
    name: str
    version: int

    @classmethod
    def of(cls, id: str) -> Id:
        space, _, rest = id.rpartition("/")
        found = re.fullmatch(r"(.*)-v(\d+)", rest)
        return cls(space, found[1], int(found[2])) if found else cls(space, rest, -1)


def nearest_ids(id: str, most: int = 3, there: bool = True) -> list[str]:
    """Ids whose names are most like that of `id`, the likest first, each in its highest version;
    where some differ in nothing but case, signs, namespace or version, these alone.

    there  only those whose package is here, or is one that we can name
    """
    asked, newest = Id.of(id), _newest()
    word = plain(asked.name)
    alike = {other: likeness(word, plain(its.name)) for other, its in newest.items()}
    same = [other for other in newest if alike[other] == 1]
    at_home = [other for other in same if plain(newest[other].namespace) == plain(asked.namespace)]
    found = (at_home if asked.namespace else same) or same
    if not found:
        found = [other for other in newest if alike[other] >= ALIKE]

    def order(other: str) -> tuple[float, bool, bool, str]:
        """Of two that are alike, first the one of the same namespace, then the one without."""
        space = newest[other].namespace
        return -alike[other], plain(space) != plain(asked.namespace), space != "", other

    found.sort(key=order)
    fine = (other for other in found if not there or _is_there(other))
    return [other for other, _ in zip(fine, range(most), strict=False)]


def _newest() -> dict[str, Id]:
    """Every id that `make` takes, in its highest version, without second names of one thing."""
    import gymnasium as gym

    twice = {name for name, its in REGISTERED.items() if name != its}
    found: dict[tuple[str, str], str] = {}
    for id in {*gym.registry, *others()} - twice:
        space, name, version = Id.of(id)
        before = found.get((space, name))
        if before is None or Id.of(before).version < version:
            found[space, name] = id
    return {id: Id.of(id) for id in found.values()}


def _is_there(id: str) -> bool:
    """Of phys2d, which needs jax, it may not be."""
    import gymnasium as gym

    spec = gym.registry.get(id)
    if spec is None:  # ours
        return True
    if spec.entry_point is None:  # side by side alone
        return False
    if callable(spec.entry_point):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a thing that nobody asked for
        try:
            gym.envs.registration.load_env_creator(spec.entry_point)
        except Exception as error:
            return any(word in str(error) for word in EXTRAS)
    return True
