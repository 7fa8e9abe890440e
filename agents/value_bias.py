"""Whether the value function estimates what the policy then realises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.player import Player
from drl.environment import Step


class ValueBias:
    """V(s₀) beside G = Σ_{t<T} γᵗ r_t + γᵀ(1 − terminated) V(s_T).

    van Hasselt et al. 2016, section 3 and figure 3, where V(s) = max_a Q(s, a): a Q above what the
    greedy policy realises is overestimated.  The last term is there where the clock cut the
    episode: the environment would have gone on, and V is about that too.

    It watches an evaluation, and looks at the first episode of each environment.  V is what who
    plays says of the observation that comes next: a player that remembers its episode has it all.

    gamma    discount of a reward, per agent step
    rewards  those that the agent learns from, in the environment's units: (T, N) → (T, N)
    """

    def __init__(
        self, gamma: float,
        rewards: Callable[[np.ndarray], np.ndarray] = lambda rewards: rewards,
    ) -> None:  # fmt: skip
        self.gamma, self.learnt_from = gamma, rewards

    def begin(self, player: Player, obs: np.ndarray, mask: np.ndarray | None = None) -> None:
        """The evaluation begins in obs (N, *shape)."""
        self.player = player
        self.estimated = self._value(obs, mask)  # (N,)
        self.rewards: list[np.ndarray] = []  # (N,) each step
        self.terminated: list[np.ndarray] = []
        self.truncated: list[np.ndarray] = []
        self.cut: list[tuple[int, np.ndarray, np.ndarray]] = []  # t, which (N,), their V(s_T)
        self.invalid = np.zeros(len(obs), bool)  # environments that failed on the way

    def see(self, step: Step) -> None:
        """One step of all environments."""
        # kept as it comes, summed at the end: a step of an evaluation takes but microseconds
        self.rewards.append(step.reward)
        self.terminated.append(step.terminated)
        self.truncated.append(step.truncated)
        if step.invalid is not None:
            self.invalid |= step.invalid
        if np.count_nonzero(step.truncated):  # any() takes ten times as long
            which = step.truncated & ~step.terminated
            if which.any():
                allowed = None if step.final_mask is None else step.final_mask[which]
                value = self._value(step.final_obs[which], allowed, which)
                self.cut.append((len(self.rewards), which, value))

    def _value(
        self, obs: np.ndarray, mask: np.ndarray | None, which: np.ndarray | None = None
    ) -> np.ndarray:
        value = self.player.value(obs, mask, which)
        assert value is not None, "who plays knows no values"
        return value

    def realised(self) -> np.ndarray:
        """G (N,); NaN where the first episode has not ended."""
        gamma, envs = self.gamma, len(self.estimated)
        rewards, terminated, truncated = (  # (T, N)
            np.concatenate(rows).reshape(-1, envs)
            for rows in (self.rewards, self.terminated, self.truncated)
        )
        ends = terminated | truncated
        length = np.where(ends.any(axis=0), ends.argmax(axis=0) + 1, 0)  # (N,) agent steps
        first = np.arange(len(ends))[:, None] < length  # (T, N)
        total: np.ndarray = gamma ** np.arange(len(ends)) @ (self.learnt_from(rewards) * first)
        for t, which, value in self.cut:
            own = np.flatnonzero(which)
            total[own] += np.where(length[own] == t, gamma**t * value, 0.0)
        total[(length == 0) | self.invalid] = np.nan
        return total

    def metrics(self) -> dict[str, float]:
        """Means over the first episodes, by TensorBoard name; nothing where none has ended."""
        if not self.rewards:
            return {}
        realised = self.realised()
        known = np.isfinite(realised)
        if not known.any():
            return {}
        return {
            "eval/q_estimated": float(self.estimated[known].mean()),
            "eval/q_realised": float(realised[known].mean()),
        }
