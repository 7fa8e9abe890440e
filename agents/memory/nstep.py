"""Returns over n steps: a reward reaches the states before it n times as fast.

Shapes: N environments, n windows that may be open in each.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from agents.memory.masks import packed, unset
from agents.memory.replay import ReplayBuffer
from drl.state import fill


class WayIn(Protocol):
    """What steps go through on their way into a memory."""

    n: int  # steps of a transition
    gamma: float
    nbytes: int

    @property
    def replay(self) -> ReplayBuffer:
        """The memory."""

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray, mask: np.ndarray | None = None,
        next_mask: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """One step of every environment, as in NStep."""

    def interrupt_episodes(self) -> None:
        """The episodes under way are restarted."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


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
        self.masks: np.ndarray | None = None  # (n, N, bytes) of s, packed; None: none are given
        self.nbytes = self.s.nbytes + self.a.nbytes + self.R.nbytes

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray, mask: np.ndarray | None = None,
        next_mask: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """One step of every environment; windows that close go to the memory.

        s, s_next              (N, *shape) observation, and the true next one
        a                      (N, *action_shape)
        r                      (N,)
        terminated, truncated  (N,) bool
        mask, next_mask        (N, A) bool, the actions that s and s_next allow; None: all
        """
        n, gamma = self.n, self.gamma
        ended = terminated | truncated
        s, s_next = self.replay.storage.encode(s, s_next, ended)
        for buffer in (self.s, self.a, self.R):
            buffer[1:] = buffer[:-1]
        self.s[0], self.a[0], self.R[0] = s, a, 0.0
        allowed = None  # what s_next allows, packed (N, bytes)
        if mask is not None or self.masks is not None:
            allowed = self._masked(mask, next_mask)
        self.open += 1
        for j in range(n):
            self.R[j] += gamma**j * r  # R += γʲ r_{t+j}: window j opened at t, j steps ago

        if ended.any():
            for j in range(n):
                discount = ~terminated * gamma ** (j + 1)  # γᵏ(1 − terminated), k = j + 1
                self._close(j, ended & (self.open > j), discount, s_next, terminated, allowed)
            self.open[ended] = 0
        full = self.open == n
        self._close(n - 1, full, np.full(len(full), gamma**n), s_next, self.never, allowed)
        self.open[full] = n - 1

    def _masked(self, mask: np.ndarray | None, next_mask: np.ndarray | None) -> np.ndarray:
        """Keep the masks of s; those of s_next, packed (N, bytes)."""
        actions = self.replay.actions
        if self.masks is None:
            self.masks = unset(self.R.shape, actions)
        self.masks[1:] = self.masks[:-1]
        self.masks[0] = packed(mask, len(self.open), actions)
        return packed(next_mask, len(self.open), actions)

    def _close(
        self, j: int, which: np.ndarray, discount: np.ndarray, s_next: np.ndarray,
        terminal: np.ndarray, allowed: np.ndarray | None,
    ) -> None:  # fmt: skip
        """Window j of the environments `which` (N,) bool becomes a transition of the memory."""
        masks = None
        if self.masks is not None and allowed is not None:
            masks = np.stack([self.masks[j], allowed], axis=1)  # (N, 2, bytes)
        if which.all():  # the usual case, without copies
            self.replay.add(self.s[j], self.a[j], self.R[j], discount, s_next, terminal, masks)
        elif which.any():
            self.replay.add(
                self.s[j, which], self.a[j, which], self.R[j, which], discount[which],
                s_next[which], terminal[which], None if masks is None else masks[which],
            )  # fmt: skip

    def state(self) -> dict[str, Any]:
        masks = {} if self.masks is None else {"masks": self.masks.copy()}
        return masks | {
            "s": self.s.copy(), "a": self.a.copy(), "R": self.R.copy(), "open": self.open.copy()
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        for name in ("s", "a", "R"):
            limits = self.replay.storage.key_range if name == "s" else ()
            fill(getattr(self, name), state[name], f"n-step {name}", *limits)
        fill(self.open, state["open"], "n-step open", 0, self.n)
        self.masks = None
        if "masks" in state:
            self.masks = unset(self.R.shape, self.replay.actions)
            fill(self.masks, state["masks"], "n-step masks")

    def interrupt_episodes(self) -> None:
        """Drop the open windows: the episodes under way are restarted."""
        self.open[:] = 0
        self.replay.storage.interrupt_episodes()
