"""Names of environments: the one table of ours, and what an id or a function stands for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.numpy_env import NumpyEnv

NAMESPACE = "drl/"
# id → module:Class; what `make` takes, completion offers and Gymnasium is told of
OURS = {
    "CartPole-v1": "envs.cartpole:CartPole",
    "drl/CartPolePositions-v1": "envs.cartpole:CartPolePositions",
    "drl/CartPolePixels-v1": "envs.pixels:CartPolePixels",
    "drl/Catch-v0": "envs.catch:Catch",
    "drl/Chain-v0": "envs.chain:Chain",
    "drl/BitFlip-v0": "envs.bit_flip:BitFlip",
    "drl/Reach-v0": "envs.reach:Reach",
    "drl/Pendulum-v1": "envs.pendulum:Pendulum",
    "drl/MountainCar-v0": "envs.mountain_car:MountainCar",
    "drl/MountainCarContinuous-v0": "envs.mountain_car_continuous:MountainCarContinuous",
    "drl/Acrobot-v1": "envs.acrobot:Acrobot",
    "drl/ProbeConstant-v0": "envs.probes:ProbeConstant",
    "drl/ProbeObservation-v0": "envs.probes:ProbeObservation",
    "drl/ProbeTwoSteps-v0": "envs.probes:ProbeTwoSteps",
    "drl/ProbeAction-v0": "envs.probes:ProbeAction",
    "drl/ProbeActionObservation-v0": "envs.probes:ProbeActionObservation",
    "drl/ProbeChoice-v0": "envs.probes:ProbeChoice",
    "drl/ProbeTruncated-v0": "envs.probes:ProbeTruncated",
    "drl/ProbeMasked-v0": "envs.probes:ProbeMasked",
    "drl/ProbeMemory-v0": "envs.probes:ProbeMemory",
    "drl/ProbeContinuous-v0": "envs.probes:ProbeContinuous",
    "drl/ProbeGoals-v0": "envs.probe_goals:ProbeGoals",
    "drl/ProbeReach-v0": "envs.probe_goals:ProbeReach",
}
# Gymnasium has a CartPole-v1 of its own: there all are drl/…, and `make` takes those names too.
# Acrobot-v1, MountainCar-v0 … without drl/ are Gymnasium's.
REGISTERED = {NAMESPACE + id.removeprefix(NAMESPACE): id for id in OURS}


def own_class(id: str) -> type[NumpyEnv]:
    """The class of one of our own environments.   KeyError where it is none."""
    module, _, name = OURS[id].partition(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


def register() -> None:
    """Tell Gymnasium of ours.  `import envs` sees to it, whichever is imported first."""
    import gymnasium as gym

    for id in REGISTERED:
        if id not in gym.registry:
            here = "envs.registration"
            gym.register(
                id, f"{here}:Single", vector_entry_point=f"{here}:Vector", kwargs={"env": id}
            )


def resolve(id: str) -> str:
    """The full id: CartPole, gymnasium:CartPole-v1 and drl/CartPole-v1 are CartPole-v1.

    Without a version it is the highest there is.  An id that nobody knows (yet: it may name a
    module that registers it) is given back as it is.
    """
    id = id.removeprefix("gymnasium:")
    if id in OURS:
        return id
    if id in REGISTERED:
        return id.removeprefix(NAMESPACE)
    name, dash, version = id.rpartition("-v")
    if ":" in id or (dash and name and version.isdigit()):
        return id
    highest = max(_versions(id), key=lambda full: int(full.rpartition("-v")[2]), default=id)
    return highest if highest == id else resolve(highest)


def _versions(name: str) -> list[str]:
    """Ids `name`-v0, -v1, … of those that `make` takes."""
    import gymnasium as gym

    every = {*gym.registry, *others()}
    if name in every:  # registered without a version
        return []
    ids = [id for id in every if id.rpartition("-v")[0] == name]
    return [id for id in ids if id.rpartition("-v")[2].isdigit()]


def is_own(id: str) -> bool:
    """Whether an id is one of those that do not come from Gymnasium: ours, MinAtar's, Atari's."""
    return id in OURS or (id.startswith(("MinAtar/", "ALE/")) and id in others())


def others() -> set[str]:
    """Ids that Gymnasium does not know of; the Atari games where their package is here."""
    from envs import atari, minatar

    known = {*OURS, *REGISTERED, *minatar.IDS}
    with contextlib.suppress(ModuleNotFoundError):
        known |= atari.ids().keys()
    return known


def called(build: Callable[..., Any]) -> str:
    """A function that builds an env, as long as there is no env that has a name."""
    while isinstance(build, partial):
        build = build.func
    name = str(getattr(build, "__name__", type(build).__name__))
    return "the environment" if name == "<lambda>" else name


def own_name(env: Any) -> str:
    """What an env is: its id, where it is as registered; else its class."""
    import gymnasium as gym

    with contextlib.suppress(Exception):  # these are the env's own code
        spec = env.spec
        if spec is not None and spec == gym.registry.get(spec.id):
            return str(spec.id)
        return type(env.unwrapped).__name__
    return type(env).__name__
