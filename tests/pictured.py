"""An environment of the kind that people bring: a picture in bytes and some numbers in a Dict."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

SIDE = 8


class Pictured(gym.Env[Any, Any]):
    """Go to the middle of a line; the camera sees a bright column where one is, the numbers are in
    units of their own."""

    observation_space = Dict({
        "camera": Box(0, 255, (SIDE, SIDE, 3), np.uint8),
        "numbers": Box(-np.inf, np.inf, (3,), np.float32),
    })  # fmt: skip
    action_space: Any = Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x, self.t = int(self.np_random.integers(SIDE)), 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        self.t += 1
        self.x = int(np.clip(self.x + self._moved(action), 0, SIDE - 1))
        return self._seen(), -abs(self.x - SIDE // 2) / SIDE, False, self.t >= 12, {}

    def _moved(self, action: Any) -> int:
        return int(action) - 1

    def _seen(self) -> dict[str, np.ndarray]:
        camera = np.zeros((SIDE, SIDE, 3), np.uint8)
        camera[:, self.x] = 250
        return {"camera": camera, "numbers": np.array([1e3 + 50 * self.x, self.t, 7], np.float32)}


class Pushed(Pictured):
    """The same with pushes of any size."""

    action_space = Box(-1.0, 1.0, (2,), np.float32)

    def _moved(self, action: Any) -> int:
        return int(np.sign(action[0]))


FILE = f"{__file__}:Pictured"
PUSHED = f"{__file__}:Pushed"
