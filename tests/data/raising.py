"""Environments that raise, each where its name says, in a helper of this file."""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium as gym
import numpy as np


def looked_up(table: dict[str, int], key: str) -> int:
    return table[key]  # line 14


class Fine(gym.Env[np.ndarray, int]):
    """Episodes of 10 steps."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    life = 0

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.after = int(os.environ.get("RAISES_AFTER", "3"))  # steps of its life

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        self.begins()
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> Any:
        self.t += 1
        self.life += 1
        if self.life > self.after:
            self.moves()
        return np.zeros(2, np.float32), 1.0, False, self.t >= 10, {}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)

    def begins(self) -> None: ...

    def moves(self) -> None: ...


class InStep(Fine):
    def moves(self) -> None:
        looked_up({}, "fuel")


class InReset(Fine):
    def begins(self) -> None:
        looked_up({}, "fuel")


class WhenMade(Fine):
    def __init__(self, render_mode: str | None = None) -> None:
        looked_up({}, "fuel")


class Hangs(Fine):
    def moves(self) -> None:
        time.sleep(60)


class Leaves(Fine):
    def moves(self) -> None:
        raise SystemExit(3)


class InTwoPlaces(Fine):
    def moves(self) -> None:
        looked_up({}, "fuel")

    def begins(self) -> None:
        if self.life > 2:
            raise ValueError("a reset of one that has moved")
