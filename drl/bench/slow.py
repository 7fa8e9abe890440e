"""An environment whose step takes a millisecond of a processor, as a small simulator's does."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete

SECONDS = 1e-3


class Slow(gym.Env[np.ndarray, np.int64]):
    """Counts its steps; 100 are an episode."""

    observation_space = Box(0, 100, (1,), np.float32)
    action_space = Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:  # fmt: skip
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        end = time.thread_time() + SECONDS
        while time.thread_time() < end:
            pass
        self.t += 1
        return np.array([self.t], np.float32), 1.0, False, self.t == 100, {}
