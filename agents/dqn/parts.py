"""What a user may put into a DQN in place of what its settings would build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.dqn.networks import BuildNet
from agents.dqn.targets import TargetFunction
from agents.exploration import Exploration
from drl.errors import UserError
from drl.nn.schedules import Schedule
from drl.raised import said

# ε by env steps, actions, environments, generator → what explores
BuildExploration = Callable[[Schedule, int, int, np.random.Generator], Exploration]
EPSILON = ("epsilon_start", "epsilon_end", "epsilon_steps", "epsilon_fraction")


def _part(*settings: str) -> Any:
    """A field that, where it is given, stands in the place of these settings."""
    return field(default=None, metadata={"replaces": settings})


@dataclass(frozen=True)
class Parts:
    """One's own, each in place of what the settings would build; None: theirs.

    net          builds the network from an observation's shape and the number of outputs, called
                 for θ and for θ⁻; hidden, conv, scale, dueling, noisy are then its own affair
    bootstrap    the target of an update: a function as in agents.dqn.targets
    lr           Adam's learning rate, by updates
    epsilon      probability of a random action, by env steps
    exploration  the actions tried, given the greedy ones: an object; or a class, whose object is
                 made of ε's schedule, the number of actions, of environments, and a generator

    UserError where a schedule or a target cannot be called.
    """

    net: BuildNet | None = _part()
    bootstrap: TargetFunction | None = _part(
        "bootstrap", "munchausen_alpha", "munchausen_temperature", "value_bound"
    )
    lr: Schedule | None = _part("lr", "lr_end", "lr_steps", "lr_fraction")
    epsilon: Schedule | None = _part(*EPSILON)
    exploration: Exploration | type | None = _part(*EPSILON, "ez_mu")

    def __post_init__(self) -> None:
        for name in ("bootstrap", "lr", "epsilon"):
            part = getattr(self, name)
            if isinstance(part, type) or not (part is None or callable(part) or type(part) is str):
                raise UserError(
                    f"your own {name} is {part!r:.80}: give a function, or an object that can be "
                    "called as one"
                )


NO_PARTS = Parts()


def require_schedules(parts: Parts) -> None:
    """UserError unless each begins with a number."""
    for name in ("lr", "epsilon"):
        schedule = getattr(parts, name)
        if schedule is None:
            continue
        try:
            first = float(schedule(0))
        except Exception as error:
            raise UserError(
                f"your own {name} gives no number at step 0 ({said(error)}): it is a function of "
                "the step"
            ) from error
        if not np.isfinite(first):
            raise UserError(f"your own {name} gives {first} at step 0: give a number")


def own_exploration(
    given: Any, epsilon: Schedule, actions: int, num_envs: int, rng: np.random.Generator
) -> Exploration:
    """The object that is given, or one of the class that is.   UserError where none can be made."""
    if not isinstance(given, type):
        return given  # type: ignore[no-any-return]
    try:
        made: Exploration = given(epsilon, actions, num_envs, rng)
    except TypeError as error:
        raise UserError(
            f"your own exploration {given.__name__} cannot be made of (epsilon, actions, num_envs, "
            f"rng): {said(error)}"
        ) from error
    return made
