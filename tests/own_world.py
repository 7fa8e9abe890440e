"""An environment of a user's own, for tests: in a file, with settings, one that does not repeat."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete


class Walk(gym.Env[np.ndarray, int]):
    """Left and right on a line: an episode ends `size` steps from its middle."""

    observation_space = Box(-1, 1, (1,), np.float32)
    action_space = Discrete(2)

    def __init__(self, size: int = 5) -> None:
        self.size, self.at = size, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self.at = int(self.np_random.integers(-1, 2))
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, Any]:
        self.at += 1 if action else -1
        return self._seen(), float(action), abs(self.at) >= self.size, False, {}

    def _seen(self) -> np.ndarray:
        return np.array([self.at / self.size], np.float32)


class Unrepeatable(Walk):
    """Its episodes begin where the operating system's noise says."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self.at = os.urandom(1)[0] % 3 - 1
        return self._seen(), {}


class Through(gym.Wrapper[np.ndarray, int, np.ndarray, int]):
    """Changes nothing."""
