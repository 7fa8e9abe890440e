"""How actions are tried out while learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.nn.schedules import Schedule


class EpsilonGreedy:
    """With probability ε(env steps) an action uniform over all, else the greedy one.

    Watkins 1989; ε is a schedule in env steps.
    """

    def __init__(self, epsilon: Schedule, actions: int, rng: np.random.Generator) -> None:
        self.epsilon, self.actions, self.rng = epsilon, actions, rng

    def __call__(self, greedy: np.ndarray, env_steps: int) -> np.ndarray:
        """greedy (N,) → the actions to take (N,)."""
        explore = self.rng.random(len(greedy)) < self.epsilon(env_steps)
        if not explore.any():
            return greedy
        return np.where(explore, self.rng.integers(self.actions, size=len(greedy)), greedy)

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["rng"]
