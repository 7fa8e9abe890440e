"""An environment that keeps to itself which actions are allowed.

drl train dqn --env Taxi-v4 --wrapper benchmarks/unmasked.py:Unmasked
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym


class Unmasked(gym.Wrapper[Any, Any, Any, Any]):
    """The environment without info["action_mask"]."""

    def reset(self, **how: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**how)
        return obs, self._told(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, self._told(info)

    def _told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in info.items() if name != "action_mask"}
