"""Random actions of the first env steps, before a policy knows anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.state import fill


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
