"""Hindsight experience replay: what was achieved is learnt from as if it had been desired.

Andrychowicz et al. 2017.  Shapes: N environments, B transitions of a batch, G numbers of a goal.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from agents.memory.goals import Goals
from agents.memory.growing import with_rows
from agents.memory.masks import packed
from agents.memory.replay import Batch, ReplayBuffer, Sampler
from agents.memory.storage import ObservationStorage
from drl.errors import EnvFailed, UserError
from drl.state import fill

Strategy = Literal["future", "final"]


def require_single_steps(n_step: int) -> None:
    """UserError where rewards would be summed that are to be asked for anew, one by one."""
    if n_step > 1:
        raise UserError(
            f"`her` asks for the reward of each step anew, `n_step={n_step}` sums several: leave "
            "one of them out"
        )


class HindsightReplay(ReplayBuffer):
    """A memory of whole steps of N environments, some of whose samples desire another goal: one
    that the episode has achieved from there on.

    g′ = achieved goal of s_{j+1},   j ~ U{t, …, T}  (future),   j = T  (final)
    (s_t ‖ g, a, r, s_{t+1} ‖ g)  →  (s_t ‖ g′, a, r(s_{t+1}, g′), s_{t+1} ‖ g′)

    with probability k/(k + 1) for each transition of a batch, where the paper keeps k relabelled
    copies of each beside it; T is the episode's last step, or its newest.  Where the environment
    says which goals end an episode, the discount is γ(1 − terminated) by g′; else it stays.

    Transition number n is of environment n % N: steps are added whole, in the environments' order,
    and the next of its episode is number n + N.

    num_envs  N
    gamma     γ
    goals     where they are in an observation, and what they pay
    strategy  which of those that are achieved later
    k         relabelled samples for each that is left as it was
    rng       draws them

    All else as in ReplayBuffer.
    """

    def __init__(
        self, buffer_size: int, batch_size: int, storage: ObservationStorage, sampler: Sampler,
        action_shape: tuple[int, ...] = (), action_dtype: Any = np.int64, actions: int = 0,
        expected: int | None = None, *,
        num_envs: int, gamma: float, goals: Goals, strategy: Strategy, k: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        super().__init__(
            buffer_size, batch_size, storage, sampler, action_shape, action_dtype, actions,
            expected,
        )  # fmt: skip
        self.num_envs, self.gamma, self.goals, self.rng = num_envs, gamma, goals, rng
        self.strategy, self.share = strategy, k / (k + 1)
        # steps that its episode has after each transition; −1: it is under way
        self.left = np.zeros(self.rows, np.int32)
        self._envs = np.arange(num_envs)
        self.first = self._envs.copy()  # number of the first transition of each env's episode
        self.checked = False

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.left.nbytes

    def add(self, *columns: Any) -> None:
        """One step of every environment, as ReplayBuffer has it."""
        rows = np.arange(self.added, self.added + self.num_envs) % self.buffer_size
        super().add(*columns)
        self.left[rows] = -1

    def _make_room(self, rows: int) -> None:
        super()._make_room(rows)
        self.left = with_rows(self.left, rows, self.buffer_size)

    def end(self, which: np.ndarray) -> None:
        """The episodes of these environments (N,) bool have ended with the newest step, or been
        broken off after it."""
        for i in np.flatnonzero(which):
            number = np.arange(self.first[i], self.added, self.num_envs)
            number = number[number >= self.oldest]
            self.left[number % self.buffer_size] = np.arange(len(number))[::-1]
            self.first[i] = self.added + i

    def sample(self) -> Batch:
        """As ReplayBuffer's, relabelled."""
        batch = super().sample()
        if not self.checked:
            self._check(batch)
        relabelled = self.rng.random(self.batch_size) < self.share
        later = self._later(batch.rows, self.rng.random(self.batch_size))
        (which,) = relabelled.nonzero()
        if len(which):
            achieved = self.storage.decode(self.s_next[later[which]])[:, self.goals.achieved]
            self._relabel(batch, which, achieved)  # g′: (len(which), G)
        return batch

    def _later(self, rows: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Rows (B,) of the transitions to what is desired instead.   uniform: (B,) in [0, 1)."""
        size, n = self.buffer_size, self.num_envs
        number = self.oldest + (rows - self.oldest) % size
        left = self.left[rows].astype(np.int64)
        left = np.where(left < 0, (self.added - 1 - number) // n, left)  # T − t
        steps = left if self.strategy == "final" else (uniform * (left + 1)).astype(np.int64)
        later: np.ndarray = (number + steps * n) % size
        return later

    def _relabel(self, batch: Batch, which: np.ndarray, goal: np.ndarray) -> None:
        """These transitions of the batch desire the goals."""
        for obs in (batch.s, batch.s_next):
            self.goals.put(obs, which, goal)
        s_next = batch.s_next[which]
        batch.r[which] = self.goals.reward(s_next)
        terminated = self.goals.terminated(s_next)
        if terminated is not None:
            batch.discount[which] = ~terminated * self.gamma

    def _check(self, batch: Batch) -> None:
        """EnvFailed unless what is paid by the goals is what was paid in the environment."""
        paid, by_goals = batch.r, self.goals.reward(batch.s_next)
        off = np.abs(paid - by_goals) > 1e-3 * max(np.abs(paid).max(), np.abs(by_goals).max())
        if off.sum() > 1:  # one may lie on the border of its goal, where float32 rounds it over
            i = int(off.argmax())
            raise EnvFailed(
                f"compute_reward() gives {by_goals[i]:g} where a step has paid {paid[i]:g}, in "
                f"{off.sum()} of {len(off)} steps: hindsight (`her`) needs rewards that depend on "
                "the achieved and the desired goal alone; mend the env, its wrappers, or leave "
                "`her` out"
            )
        self.checked = True

    def state(self) -> dict[str, Any]:
        return super().state() | {
            "left": self.left[: self._filled],
            "first": self.first.copy(),
            "goals_rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        fill(self.left[: self._filled], state["left"], "replay left", -1, self.added)
        fill(self.first, state["first"], "replay first", 0, self.added + self.num_envs - 1)
        if self.added % self.num_envs or (self.first % self.num_envs != self._envs).any():
            raise ValueError("replay first: transitions of other environments")
        self.rng.bit_generator.state = state["goals_rng"]


class WholeSteps:
    """What agents.memory.nstep.NStep is to other memories: single steps on their way into a
    HindsightReplay, which is told where episodes end.

    replay  the memory
    gamma   γ
    """

    n, nbytes = 1, 0

    def __init__(self, replay: HindsightReplay, gamma: float) -> None:
        self.replay, self.gamma = replay, gamma

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray, mask: np.ndarray | None = None,
        next_mask: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """One step of every environment, as in NStep."""
        replay, ended, masks = self.replay, terminated | truncated, None
        s, s_next = replay.storage.encode(s, s_next, ended)
        if mask is not None or replay.masks is not None:
            both = (packed(each, len(ended), replay.actions) for each in (mask, next_mask))
            masks = np.stack(list(both), axis=1)  # (N, 2, bytes)
        replay.add(s, a, r, ~terminated * self.gamma, s_next, terminated, masks)
        replay.end(ended)

    def interrupt_episodes(self) -> None:
        """The episodes under way are restarted: they have ended with their newest steps."""
        self.replay.end(np.ones(self.replay.num_envs, bool))
        self.replay.storage.interrupt_episodes()

    def state(self) -> dict[str, Any]:
        """Nothing is open: all is in the memory."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass
