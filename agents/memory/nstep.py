"""Returns over n steps: a reward reaches the states before it n times as fast.

Shapes: N environments, n windows that may be open in each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.memory.replay import ReplayBuffer
from drl.state import fill


class NStep:
    """R = Σ_{i<k} γⁱ r_{t+i} and discount = γᵏ(1 − terminated): target R + discount · Z(s_{t+k}).

    Sutton 1988.  k = n, except at an episode's end, where every window still open is cut to the k
    steps really taken: no window reaches into the next episode.  At a termination nothing is
    bootstrapped, at a truncation with γᵏ.  With n = 1 a window is the transition itself.

    A window keeps its observations as the storage's keys (agents.memory.storage).  Index j of the
    buffers is the window that opened j steps ago.

    replay    where windows go once they are closed
    n         steps of a window
    gamma     γ
    num_envs  N

    ValueError where n is below 1.
    """

    def __init__(self, replay: ReplayBuffer, n: int, gamma: float, num_envs: int) -> None:
        if n < 1:
            raise ValueError(f"n-step returns need n ≥ 1, got {n}")
        self.replay, self.n, self.gamma = replay, n, gamma
        self.s = np.zeros((n, num_envs, *replay.storage.key_shape), replay.storage.key_dtype)
        self.a = np.zeros((n, num_envs, *replay.action.shape[1:]), replay.action.dtype)
        self.R = np.zeros((n, num_envs))
        self.open = np.zeros(num_envs, np.int64)  # windows open in each environment
        self.never = np.zeros(num_envs, bool)  # no environment terminated
        self.nbytes = self.s.nbytes + self.a.nbytes + self.R.nbytes

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray,
    ) -> None:  # fmt: skip
        """One step of every environment; windows that close go to the memory.

        s, s_next              (N, *shape) observation, and the true next one
        a                      (N, *action_shape)
        r                      (N,)
        terminated, truncated  (N,) bool
        """
        n, gamma = self.n, self.gamma
        ended = terminated | truncated
        s, s_next = self.replay.storage.encode(s, s_next, ended)
        for buffer in (self.s, self.a, self.R):
            buffer[1:] = buffer[:-1]
        self.s[0], self.a[0], self.R[0] = s, a, 0.0
        self.open += 1
        for j in range(n):
            self.R[j] += gamma**j * r  # R += γʲ r_{t+j}: window j opened at t, j steps ago

        if ended.any():
            for j in range(n):
                discount = ~terminated * gamma ** (j + 1)  # γᵏ(1 − terminated), k = j + 1
                self._close(j, ended & (self.open > j), discount, s_next, terminated)
            self.open[ended] = 0
        full = self.open == n
        self._close(n - 1, full, np.full(len(full), gamma**n), s_next, self.never)
        self.open[full] = n - 1

    def _close(
        self, j: int, which: np.ndarray, discount: np.ndarray, s_next: np.ndarray,
        terminal: np.ndarray,
    ) -> None:  # fmt: skip
        """Window j of the environments `which` (N,) bool becomes a transition of the memory."""
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
