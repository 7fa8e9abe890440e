"""How actions are tried out while learning: at random in the first env steps, then as the policy
does, or as the user's own exploration has it.

Shapes: N environments, k numbers of an action, each within −1 … 1.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from agents.exploration import own_exploration
from agents.own import called
from agents.sac.actor import Actor
from drl.errors import UserError
from drl.nn.ops import Array
from drl.state import fill


class Exploration(Protocol):
    """What is done instead of the greedy actions: the user's own."""

    def __call__(self, greedy: np.ndarray, env_steps: int) -> np.ndarray:
        """greedy (N, k) float32 → the actions to take (N, k); cut to −1 … 1 where beyond."""

    def state(self) -> dict[str, Any]:
        """All that the next actions depend on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class Exploring(Protocol):
    """Which actions are tried, by the policy's outputs."""

    def __call__(self, z: Array, env_steps: int) -> np.ndarray:
        """z (N, outputs) → the actions to take (N, k)."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class AsActed:
    """Those that the policy draws, or its noise.   rng: of what is drawn."""

    def __init__(self, actor: Actor, rng: np.random.Generator) -> None:
        self.actor, self.rng = actor, rng

    def __call__(self, z: Array, env_steps: int) -> np.ndarray:
        return self.actor.explore(z, self.rng)

    def state(self) -> dict[str, Any]:
        return dict(self.rng.bit_generator.state)

    def load_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state


class Tried:
    """Those that the user's own exploration makes of the greedy ones.

    own       an object; or a class, whose object is made of (k, num_envs, rng)
    k         numbers of an action
    num_envs  N

    UserError where none can be made, and where its actions have another shape, or are NaN or Inf.
    """

    def __init__(
        self, actor: Actor, own: Any, k: int, num_envs: int, rng: np.random.Generator
    ) -> None:
        self.actor, self.k = actor, k
        self.own: Exploration = own_exploration(own, k=k, num_envs=num_envs, rng=rng)
        self.state, self.load_state = self.own.state, self.own.load_state

    def __call__(self, z: Array, env_steps: int) -> np.ndarray:
        greedy = self.actor.greedy(z)
        found = called("your own exploration failed", "mend it", self.own, greedy.copy(), env_steps)
        tried: np.ndarray = called(
            "your own exploration gives no numbers", "mend it", np.asarray, found, np.float32
        )
        if tried.shape != greedy.shape or not np.isfinite(tried).all():
            what = f"shape {tried.shape}" if tried.shape != greedy.shape else "NaN or Inf"
            raise UserError(
                f"your own exploration gives actions of {what}: give numbers of the shape "
                f"{greedy.shape}"
            )
        return np.asarray(np.clip(tried, -1, 1))


class RandomStart:
    """Actions uniform within −1 … 1 until `steps` env steps, each held for `hold` agent steps.

    Where single random steps cancel out (a car in a valley), held ones get somewhere: on
    MountainCarContinuous 5,000 random steps found the flag on 0 of 3 seeds, held for 40 on 3 of 3.

    k         numbers of an action
    num_envs  N
    """

    def __init__(
        self, steps: int, hold: int, num_envs: int, k: int, rng: np.random.Generator
    ) -> None:
        self.steps, self.hold, self.rng = steps, hold, rng
        self.held = np.zeros((num_envs, k), np.float32)
        self.left = np.zeros(1, np.int64)  # agent steps for which they are still held

    def __call__(self, env_steps: int) -> np.ndarray | None:
        """The actions (N, k) after so many env steps; None: it is over."""
        if env_steps >= self.steps:
            return None
        if not self.left[0]:
            self.held = self.rng.uniform(-1, 1, self.held.shape).astype(np.float32)
            self.left[0] = self.hold
        self.left -= 1
        return self.held

    def state(self) -> dict[str, Any]:
        """The generator's, and what is held."""
        return {
            "rng": self.rng.bit_generator.state, "held": self.held.copy(), "left": self.left.copy()
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is of another number of environments."""
        self.rng.bit_generator.state = state["rng"]
        fill(self.held, state["held"], "held actions", -1, 1)
        fill(self.left, state["left"], "steps left of them", 0, self.hold)
