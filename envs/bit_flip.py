"""n bits, each of which an action flips: reach a given word.

Andrychowicz et al. 2017, section 3.1: hopeless for n above 13 or so without hindsight, since the
reward is −1 until all of 2ⁿ words but one have been passed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Dict, Discrete, MultiBinary, Space

from envs.numpy_env import NumpyEnv

CELL = 32  # pixels of a bit in a drawing


class BitFlip(NumpyEnv):
    """Rows: the n bits as they are, and the n wanted.

    Observations are a Dict of (n,) bits each: observation and achieved_goal, as they are;
    desired_goal.  Action i flips bit i.  Reward 0 where they are as wanted, which terminates, else
    −1.  Episodes start with two different words, uniformly; truncated after `time_limit` steps, 0:
    n.  The best return is 1 − the number of bits that differ.
    """

    id = "drl/BitFlip-v0"
    reward_range = (-1.0, 0.0)
    bits = 12  # n

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        bits = settings.get("bits", self.bits)
        word = MultiBinary(bits)
        self.observation_space: Space[Any] = Dict(
            observation=word, achieved_goal=word, desired_goal=word
        )
        self.action_space: Space[Any] = Discrete(bits)
        super().__init__(num_envs, seed, **{"time_limit": bits, **settings})

    def initial(self, count: int) -> np.ndarray:
        words = self.rng.integers(2, size=(2, self.bits, count))
        flips = self.rng.integers(self.bits, size=count)  # of those that are as wanted already
        (equal,) = (words[0] == words[1]).all(axis=0).nonzero()
        words[0, flips[equal], equal] ^= 1
        return words.reshape(-1, count).astype(np.float64)

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved = rows.copy()
        which = np.arange(len(actions))
        moved[actions, which] = 1 - moved[actions, which]
        now, wanted = moved.reshape(2, self.bits, -1).swapaxes(1, 2)  # (N, n)
        reward, reached = self.compute_reward(now, wanted), self.compute_terminated(now, wanted)
        return moved, reward, reached

    def observe(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        now, wanted = rows.astype(np.int8).reshape(2, self.bits, -1).swapaxes(1, 2)
        return {"observation": now, "achieved_goal": now, "desired_goal": wanted}

    def succeeded(self, rows: np.ndarray) -> np.ndarray:
        """Whether all bits are as wanted."""
        now, wanted = rows.reshape(2, self.bits, -1).swapaxes(1, 2)
        return self.compute_terminated(now, wanted)

    def render(self) -> np.ndarray:
        """The bits above, those that are wanted below."""
        board = self.rows[:, 0].reshape(2, self.bits, 1).repeat(3, axis=2)
        return np.kron(board, np.ones((CELL, CELL, 1))).astype(np.uint8) * np.uint8(255)

    def compute_reward(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any = None
    ) -> np.ndarray:
        """0 where all bits are as wanted, else −1: (N, n), (N, n) → (N,)."""
        return self.compute_terminated(achieved_goal, desired_goal) - 1.0

    def compute_terminated(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any = None
    ) -> np.ndarray:
        """Whether all bits are as wanted: (N,) bool."""
        same: np.ndarray = (achieved_goal == desired_goal).all(axis=-1)
        return same


def best_returns(now: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """1 − the number of bits that differ: (N, n), (N, n) → (N,)."""
    found: np.ndarray = 1.0 - (now != wanted).sum(axis=-1)
    return found
