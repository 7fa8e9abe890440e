"""The protocol of an agent: act, observe, learn, state."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from agents.dqn.agent import Update


class Agent(Protocol):
    """What the loop, the checks and the checkpoints ask of an agent.  N environments side by
    side."""

    updates: int

    def act(self, obs: np.ndarray, env_steps: int) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N,)."""

    def greedy(self, obs: np.ndarray) -> np.ndarray:
        """The best actions known: (N, *shape) → (N,)."""

    def observe(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray,
    ) -> None:  # fmt: skip
        """Remember one transition of each environment; s_next is the true next observation."""

    def learn(self) -> Update:
        """One gradient step."""

    def interrupt_episodes(self) -> None:
        """The episodes under way are restarted: drop what is known of them."""

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
