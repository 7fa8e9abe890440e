"""How actions are tried out while learning."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

import numpy as np

from agents.own import called
from drl.errors import UserError
from drl.nn.schedules import Schedule
from drl.state import fill


class Exploration(Protocol):
    """What is done instead of the greedy action, and when."""

    epsilon: Schedule  # probability that a random action is begun, by env steps

    def __call__(
        self, greedy: np.ndarray, env_steps: int, mask: np.ndarray | None = None
    ) -> np.ndarray:  # fmt: skip
        """greedy (N,) → the actions to take (N,), counted from 0.

        mask  (N, A) bool, the actions to choose from; given where the environment tells it
        """

    def state(self) -> dict[str, Any]:
        """All that the next actions depend on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class EpsilonGreedy:
    """With probability ε(env steps) an action uniform over the allowed ones, else the greedy one.

    Watkins 1989; ε is a schedule in env steps.
    """

    def __init__(self, epsilon: Schedule, actions: int, rng: np.random.Generator) -> None:
        self.epsilon, self.actions, self.rng = epsilon, actions, rng

    def __call__(
        self, greedy: np.ndarray, env_steps: int, mask: np.ndarray | None = None
    ) -> np.ndarray:  # fmt: skip
        """greedy (N,) → the actions to take (N,).   mask: (N, A) bool, what is allowed."""
        explore = self.rng.random(len(greedy)) < self.epsilon(env_steps)
        if not explore.any():
            return greedy
        if mask is None:
            drawn = self.rng.integers(self.actions, size=len(greedy))
        else:
            drawn = any_allowed(mask, self.rng)
        return np.where(explore, drawn, greedy)

    def state(self) -> dict[str, Any]:
        """The generator's."""
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.rng.bit_generator.state = state["rng"]


class EzGreedy:
    """εz-greedy: a random action, once begun, is held for n agent steps, P(n) ∝ n^−μ.

    Where single random steps cancel out (a car in a valley), held ones get somewhere.
    Dabney, Ostrovski & Barreto 2021, Algorithm 1; n is cut at 10,000 as there.  An action is let go
    once it is not allowed any more.   mu: μ > 1, theirs is 2;  environments: N.
    """

    LONGEST = 10_000  # agent steps

    def __init__(
        self, epsilon: Schedule, actions: int, rng: np.random.Generator, num_envs: int, mu: float
    ) -> None:
        self.epsilon, self.actions, self.rng, self.mu = epsilon, actions, rng, mu
        self.held = np.zeros(num_envs, np.int64)
        self.left = np.zeros(num_envs, np.int64)  # agent steps for which it is still held

    def __call__(
        self, greedy: np.ndarray, env_steps: int, mask: np.ndarray | None = None
    ) -> np.ndarray:  # fmt: skip
        """greedy (N,) → the actions to take (N,).   mask: (N, A) bool, what is allowed."""
        if mask is not None:
            self.left *= mask[np.arange(len(greedy)), self.held]
        begins = (self.left == 0) & (self.rng.random(len(greedy)) < self.epsilon(env_steps))
        count = int(begins.sum())
        if count:
            if mask is None:
                self.held[begins] = self.rng.integers(self.actions, size=count)
            else:
                self.held[begins] = any_allowed(mask[begins], self.rng)
            self.left[begins] = np.minimum(self.rng.zipf(self.mu, count), self.LONGEST)
        holds = self.left > 0
        self.left -= holds
        return np.where(holds, self.held, greedy)

    def state(self) -> dict[str, Any]:
        """The generator's, and what is held."""
        return {
            "rng": self.rng.bit_generator.state,
            "held": self.held.copy(),
            "left": self.left.copy(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is of another number of environments."""
        self.rng.bit_generator.state = state["rng"]
        fill(self.held, state["held"], "held actions", 0, self.actions - 1)
        fill(self.left, state["left"], "steps left of them", 0, self.LONGEST)


def any_allowed(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An action uniform over those that each row allows: (N, A) bool → (N,)."""
    number = (rng.random(len(mask)) * mask.sum(axis=1)).astype(np.int64)  # which of the allowed
    allowed: np.ndarray = (mask.cumsum(axis=1) > number[:, None]).argmax(axis=1)
    return allowed


def own_exploration(given: Any, **made_of: Any) -> Any:
    """The object that is given, or one of the class that is: made of these, in their order.

    UserError where none can be made, or it lacks what an exploration has.
    """
    made = given
    if isinstance(given, type):
        failed = f"your own exploration {given.__name__} cannot be made of ({', '.join(made_of)})"
        made = called(failed, "mend it", given, *made_of.values())
    needed = ["__call__", "state", "load_state", *(["epsilon"] if "epsilon" in made_of else [])]
    lacking = [name for name in needed if not hasattr(made, name)]
    if lacking:
        raise UserError(
            f"your own exploration is a {type(made).__name__} without {', '.join(lacking)}: "
            "give an object that has them, or a class of such"
        )
    return made


class Chosen:
    """What the user's own exploration chooses, looked at before the environment gets it.

    own      an object; or a class, whose object is made of (epsilon, actions, num_envs, rng)
    actions  A

    UserError where none can be made; where it raises, or gives what are no numbers of actions; and
    where the environment tells which are allowed, and it takes no mask.
    """

    def __init__(
        self, own: Any, epsilon: Schedule, actions: int, num_envs: int, rng: np.random.Generator
    ) -> None:
        made: Exploration = own_exploration(
            own, epsilon=epsilon, actions=actions, num_envs=num_envs, rng=rng
        )
        self.own, self.actions, self.masked = made, actions, False
        self.epsilon, self.state, self.load_state = made.epsilon, made.state, made.load_state

    def __call__(
        self, greedy: np.ndarray, env_steps: int, mask: np.ndarray | None = None
    ) -> np.ndarray:  # fmt: skip
        given = (greedy.copy(), env_steps) if mask is None else (greedy.copy(), env_steps, mask)
        if mask is not None and not self.masked:
            require_masks(self.own)
            self.masked = True
        found = np.asarray(called("your own exploration failed", "mend it", self.own, *given))
        if found.shape != greedy.shape or found.dtype.kind not in "iu":
            raise UserError(
                f"your own exploration gives {found.dtype} of shape {found.shape}: give the "
                f"numbers of the actions, whole ones of the shape {greedy.shape}"
            )
        if found.min() < 0 or found.max() >= self.actions:
            raise UserError(
                f"your own exploration gives the actions {found.min()} … {found.max()}: give "
                f"numbers from 0 to {self.actions - 1}"
            )
        return found


def require_masks(exploration: Exploration) -> None:
    """UserError unless it can be told which actions are allowed."""
    try:
        inspect.signature(exploration).bind(None, 0, None)
    except TypeError:
        raise UserError(
            f"{type(exploration).__name__} explores without an idea of masks, and the environment "
            "tells which actions are allowed: take them as a third argument, "
            "__call__(greedy, env_steps, mask=None)"
        ) from None
