"""Returns over n steps: rewards reach the states that earned them n times as fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.memory.replay import ReplayBuffer
from drl.state import fill


class NStep:
    """R = Σ_{i<k} γⁱ r_{t+i}, then γᵏ(1 − terminated)·bootstrap(s_{t+k}).   Sutton 1988.

    k = n, except at an episode's end, where every window still open is cut to the k steps really
    taken: no window reaches into the next episode.  A terminated one bootstraps nothing, a
    truncated one with γᵏ.  With n = 1 it is the transition itself.

    Observations are the memory's keys from here on (agents.memory.storage).

    Index j of the buffers is the window that opened j steps ago.
    """

    def __init__(self, replay: ReplayBuffer, n: int, gamma: float, num_envs: int) -> None:
        if n < 1:
            raise ValueError(f"n-step returns need n ≥ 1, got {n}")
        self.replay, self.n, self.gamma = replay, n, gamma
        self.s = np.zeros((n, num_envs, *replay.storage.key_shape), replay.storage.key_dtype)
        self.a = np.zeros((n, num_envs), np.int64)
        self.R = np.zeros((n, num_envs))
        self.open = np.zeros(num_envs, np.int64)  # windows open in each environment
        self.never = np.zeros(num_envs, bool)
        self.nbytes = self.s.nbytes + self.a.nbytes + self.R.nbytes

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray,
    ) -> None:  # fmt: skip
        """One step of every environment; windows that close go to the memory."""
        n, gamma = self.n, self.gamma
        ended = terminated | truncated
        s, s_next = self.replay.storage.encode(s, s_next, ended)
        for buffer in (self.s, self.a, self.R):
            buffer[1:] = buffer[:-1]
        self.s[0], self.a[0], self.R[0] = s, a, 0.0
        self.open += 1
        for j in range(n):
            self.R[j] += gamma**j * r  # r is j steps after the opening of window j

        if ended.any():
            for j in range(n):
                discount = ~terminated * gamma ** (j + 1)
                self._close(j, ended & (self.open > j), discount, s_next, terminated)
            self.open[ended] = 0
        full = self.open == n
        self._close(n - 1, full, np.full(len(full), gamma**n), s_next, self.never)
        self.open[full] = n - 1

    def _close(
        self, j: int, which: np.ndarray, discount: np.ndarray, s_next: np.ndarray,
        terminal: np.ndarray,
    ) -> None:  # fmt: skip
        """Window j of the environments in `which` (N,) bool becomes a transition."""
        if which.all():  # the usual case, without copies
            self.replay.add(self.s[j], self.a[j], self.R[j], discount, s_next, terminal)
        elif which.any():
            self.replay.add(
                self.s[j, which], self.a[j, which], self.R[j, which], discount[which],
                s_next[which], terminal[which],
            )  # fmt: skip

    def state(self) -> dict[str, Any]:
        return {
            "s": self.s.copy(), "a": self.a.copy(), "R": self.R.copy(), "open": self.open.copy()
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        for name in ("s", "a", "R"):
            fill(getattr(self, name), state[name], f"n-step {name}")
        fill(self.open, state["open"], "n-step open", 0, self.n)

    def interrupt_episodes(self) -> None:
        """Drop the open windows: the episodes under way are restarted."""
        self.open[:] = 0
        self.replay.storage.interrupt_episodes()
