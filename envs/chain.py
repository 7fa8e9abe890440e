"""A chain with a known optimum: where a learner can be held against the truth.

States 0 … n−1 in a row, actions 0 left (stays at 0), 1 right.  Going right from the last state
pays 1 and terminates; every other step pays nothing.  Strens 2000, without the slips.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.numpy_env import NumpyEnv


class Chain(NumpyEnv):
    """Observations are one-hot (n,) float32.  Actions: 0 left, 1 right.  Reward 1 for going right
    from the last state, which terminates; else 0.  Episodes start anywhere, uniformly.

    The clock (time_limit) cuts episodes short without ending the environment: Q* does not know of
    it.
    """

    id = "drl/Chain-v0"
    action_space = Discrete(2)
    time_limit = 20
    reward_range = (0.0, 1.0)
    length = 5  # n states

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        self.observation_space = Box(0.0, 1.0, (self.length,), np.float32)

    def initial(self, count: int) -> np.ndarray:
        return self.rng.integers(self.length, size=(1, count)).astype(np.float64)

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved = rows + np.where(actions == 1, 1.0, -1.0)
        arrived = moved[0] >= self.length
        return np.clip(moved, 0, self.length - 1), arrived.astype(np.float64), arrived

    def observe(self, rows: np.ndarray) -> np.ndarray:
        one_hot: np.ndarray = np.eye(self.length, dtype=np.float32)[rows[0].astype(np.int64)]
        return one_hot


def optimal_q(length: int, gamma: float) -> np.ndarray:
    """Q*(s, right) = γ^(n−1−s): that many steps until the reward;
    Q*(s, left) = γ max_a Q*(max(s−1, 0), a): one step, then the best from there.   (n, 2)
    """
    s = np.arange(length)
    right = gamma ** (length - 1.0 - s)
    left = gamma * right[np.maximum(s - 1, 0)]  # right is the better action everywhere
    return np.stack([left, right], axis=1)
