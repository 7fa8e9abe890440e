"""A rollout: the newest T steps of N environments, learnt from once and then dropped.

Shapes: T steps, N environments, F of the steps cut by the clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.memory.masks import packed, unpacked, unset
from agents.memory.storage import Stateless
from drl.environment import Step
from drl.state import fill, whole

COLUMNS = ("action", "reward", "terminated", "truncated")


class Rollout:
    """s_t, a_t, r_t, and how the step ended, for t < T; and the newest successor, s_T.

    The successor of s_t is s_{t+1}, the next row, unless an episode ended with it: where it was cut
    its true successor is kept apart, where it terminated nothing asks for it.

    Neither log π(a|s) nor V(s) is here: parameters do not move within a rollout, so that one pass
    over the whole of it gives both, once it is full.

    steps         T
    num_envs      N
    storage       how observations are kept: `obs` and `cut_obs` are its keys, `storage.decode`
                  gives the observations of some
    action_shape, action_dtype  of one action, as the agent counts or measures it
    actions       A, the width of a mask; masks are kept from the first one that is given
    """

    def __init__(
        self, steps: int, num_envs: int, storage: Stateless,
        action_shape: tuple[int, ...] = (), action_dtype: Any = np.int64, actions: int = 0,
    ) -> None:  # fmt: skip
        if steps < 1:
            raise ValueError(f"a rollout needs at least 1 step, got {steps}")
        self.steps, self.num_envs, self.actions = steps, num_envs, actions
        self.storage, shape, dtype = storage, storage.key_shape, storage.key_dtype
        self.obs = np.zeros((steps + 1, num_envs, *shape), dtype)  # the last row: s_T
        self.action = np.zeros((steps, num_envs, *action_shape), action_dtype)
        self.reward = np.zeros((steps, num_envs))
        self.terminated = np.zeros((steps, num_envs), bool)
        self.truncated = np.zeros((steps, num_envs), bool)
        self.masks: np.ndarray | None = None  # (T + 1, N, bytes), packed; None: none were given
        self.cut = np.zeros((0, 2), np.int64)  # (F, 2) step and environment of each cut
        self.cut_obs = np.zeros((0, *shape), dtype)  # (F, *shape) what came after it
        self.cut_masks = unset((0,), actions)  # (F, bytes) the actions that this allows, packed
        self.filled = 0  # steps that are there

    @property
    def full(self) -> bool:
        """Whether all T steps are there."""
        return self.filled == self.steps

    @property
    def nbytes(self) -> int:
        """Of the arrays, in bytes; the system hands them out as they fill."""
        own: int = sum(getattr(self, name).nbytes for name in ("obs", *COLUMNS))
        return own + (0 if self.masks is None else self.masks.nbytes)

    def add(
        self, obs: np.ndarray, action: np.ndarray, step: Step, mask: np.ndarray | None = None,
        next_mask: np.ndarray | None = None, final_mask: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """One step of all environments.

        obs     (N, *shape) s
        action  (N, *action_shape) a
        mask    (N, A) bool, the actions that s allows; None: all
        next_mask, final_mask  the same of `step.obs` and `step.final_obs`, for those who ask
                `next_masks`
        """
        t = self.filled
        keys = self.storage.keys
        self.obs[t], self.obs[t + 1] = keys(obs), keys(step.obs)
        self.action[t], self.reward[t] = action, step.reward
        self.terminated[t], self.truncated[t] = step.terminated, step.truncated
        if mask is not None and self.masks is None:
            self.masks = unset((self.steps + 1, self.num_envs), self.actions)
        final = None
        if self.masks is not None:
            self.masks[t] = packed(mask, self.num_envs, self.actions)
            self.masks[t + 1] = packed(next_mask, self.num_envs, self.actions)
            final = packed(final_mask, self.num_envs, self.actions)
        if step.truncated.any():
            self._cut(t, step.truncated & ~step.terminated, keys(step.final_obs), final)
        self.filled = t + 1

    def interrupt_episodes(self) -> None:
        """The next observations are other episodes': the newest steps are cut where they have not
        ended, with the successors that are known of them."""
        t = self.filled - 1
        if t >= 0:
            which = ~(self.terminated[t] | self.truncated[t])
            self.truncated[t] |= which
            after = None if self.masks is None else self.masks[t + 1]
            self._cut(t, which, self.obs[t + 1], after)

    def _cut(
        self, t: int, which: np.ndarray, successor: np.ndarray, allowed: np.ndarray | None
    ) -> None:  # fmt: skip
        """Keep what came after step t in these environments (N,), by its keys, and its masks,
        packed."""
        (rows,) = which.nonzero()
        places = np.stack([np.full(len(rows), t), rows], axis=1)
        self.cut = np.concatenate([self.cut, places])
        self.cut_obs = np.concatenate([self.cut_obs, successor[rows]])
        if allowed is None:
            allowed = unset((self.num_envs,), self.actions)
        self.cut_masks = np.concatenate([self.cut_masks, allowed[rows]])

    def clear(self) -> None:
        """Begin the next one."""
        self.filled, self.cut, self.cut_obs = 0, self.cut[:0], self.cut_obs[:0]
        self.cut_masks = self.cut_masks[:0]

    def next_values(self, values: np.ndarray, cut_values: np.ndarray) -> np.ndarray:
        """V of the true successors, (T, N).

        values      (T + 1, N), V of `obs`
        cut_values  (F,), V of `cut_obs`
        """
        following: np.ndarray = values[1:].copy()
        following[self.cut[:, 0], self.cut[:, 1]] = cut_values
        return following

    def mask(self) -> np.ndarray | None:
        """The actions that each s_t allows, (T, N, A) bool; None: all."""
        return None if self.masks is None else unpacked(self.masks[:-1], self.actions)

    def next_masks(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The actions that each row of `obs`, and each of `cut_obs`, allows: (T + 1, N, A) and
        (F, A) bool; None: all."""
        if self.masks is None:
            return None
        return unpacked(self.masks, self.actions), unpacked(self.cut_masks, self.actions)

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Views of the filled rows, not copies: to be saved before the next `add`."""
        state: dict[str, Any] = {name: getattr(self, name)[: self.filled] for name in COLUMNS}
        if self.masks is not None:
            state["masks"] = self.masks[: self.filled + 1]
            state["cut_masks"] = self.cut_masks
        return state | {
            "obs": self.obs[: self.filled + 1], "cut": self.cut, "cut_obs": self.cut_obs,
            "filled": self.filled,
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where shapes, dtypes or sizes are others."""
        filled = whole(state, "filled", high=self.steps)
        for name in COLUMNS:
            fill(getattr(self, name)[:filled], state[name], f"rollout {name}")
        limits = self.storage.key_range
        fill(self.obs[: filled + 1], state["obs"], "rollout obs", *limits)
        self.masks, count = None, len(state["cut"])
        self.cut_masks = unset((count,), self.actions)
        if "masks" in state:
            self.masks = unset((self.steps + 1, self.num_envs), self.actions)
            fill(self.masks[: filled + 1], state["masks"], "rollout masks")
            fill(self.cut_masks, state["cut_masks"], "rollout cut_masks")
        cut = np.zeros((count, 2), np.int64)
        fill(cut, state["cut"], "rollout cut", 0)
        if count and not (cut < (filled, self.num_envs)).all():
            raise ValueError("a rollout's cut lies outside of it")
        cut_obs = np.zeros((count, *self.cut_obs.shape[1:]), self.cut_obs.dtype)
        fill(cut_obs, state["cut_obs"], "rollout cut_obs", *limits)
        self.cut, self.cut_obs, self.filled = cut, cut_obs, filled
