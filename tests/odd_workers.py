"""Environments for tests of processes: one that fails in every way, one with masks."""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from typing import Any

import gymnasium as gym
import numpy as np


class Fragile(gym.Env[np.ndarray, int]):
    """Counts its steps.  A number is the step of its life at which something happens; hangs: of
    the env with this number among those of its process; deaf: as a loop in C."""

    observation_space = gym.spaces.Box(-100, 100, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    made = 0

    def __init__(
        self, raises: int = 0, nan: int = 0, exits: int = 0, dies: int = 0, warns: int = 0,
        hangs: tuple[int, int] = (0, 0), fails_when_made: bool = False, shared: bool = False,
        deaf: bool = False,
    ) -> None:  # fmt: skip
        if fails_when_made:
            raise RuntimeError("no licence")
        if dies < 0:
            os._exit(7)
        self.raises, self.nan, self.exits, self.dies = raises, nan, exits, dies
        self.warns, self.hangs, self.shared = warns, hangs, shared
        self.life, self.deaf = 0, deaf
        self.number, Fragile.made = Fragile.made, Fragile.made + 1

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t, self.x = 0, float(self.np_random.normal())
        return np.array([self.x, 0], np.float32), {}

    def step(self, action: int) -> Any:
        self.life += 1
        self.t += 1
        if self.life == self.raises:
            raise RuntimeError("out of fuel")
        if self.life == self.dies:
            os._exit(7)
        if self.life == self.exits:
            raise SystemExit(3)
        if self.life == self.warns:
            warnings.warn("low fuel", stacklevel=2)
        if self.hangs[1] == self.life and self.number == self.hangs[0]:
            if self.deaf:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            time.sleep(100)
        noise = random.random() if self.shared else self.np_random.normal()
        self.x += float(noise) * (1 if action else -1)
        return self._seen(), self.x, self.t == 9, False, {}

    def _seen(self) -> np.ndarray:
        x = np.nan if self.nan and self.life == self.nan else np.clip(self.x, -100, 100)
        return np.array([x, self.t], np.float32)


class Masked(gym.Env[np.ndarray, int]):
    """A walk in noise; which actions are allowed depends on where it is."""

    observation_space = gym.spaces.Box(-100, 100, (3,), np.float64)
    action_space = gym.spaces.Discrete(3, start=2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t, self.x = 0, self.np_random.normal(size=2)
        return self._seen(), {"action_mask": self._mask()}

    def step(self, action: int) -> Any:
        self.t += 1
        self.x = np.clip(self.x + (action - 3) * self.np_random.normal(size=2), -100, 100)
        over, cut = bool(self.x[0] > 2), self.t == 20
        return self._seen(), float(self.x.sum()), over, cut, {"action_mask": self._mask()}

    def _mask(self) -> np.ndarray:
        return np.array([True, self.x[0] > 0, self.x[1] > 0])

    def _seen(self) -> np.ndarray:
        return np.array([*self.x, self.t], np.float64)
