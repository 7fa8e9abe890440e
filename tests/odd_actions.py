"""Environments whose actions are of every kind, which say what they were given."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from envs import NumpyEnv


class Target(gym.Env[np.ndarray, Any]):
    """Ten steps of coming close to a target that is seen: reward −mean |action − target| over the
    width of the space.   Subclasses say which actions."""

    observation_space = Box(0, 1, (6,), np.float32)
    low: Any = 0
    width: Any = 1

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), {}

    def seen(self) -> np.ndarray:
        self.target = self.np_random.random(6).astype(np.float32)
        return self.target

    def step(self, action: Any) -> Any:
        self.check(action)
        self.kept = action  # which nobody else may write to
        share = (np.asarray(action, np.float64).ravel() - self.low) / self.width
        wanted = self.target[: share.size]
        self.t += 1
        reward = -float(np.abs(share - wanted).mean())
        return self.seen(), reward, False, self.t == 10, {}

    def check(self, action: Any) -> None:
        space = self.action_space
        assert type(action) is np.ndarray and action.dtype == space.dtype, action
        assert action.shape == space.shape and action in space, action

    def render(self) -> np.ndarray:
        return np.full((8, 8, 3), 200, np.uint8)


class Arms(Target):
    """Two arms of three joints: Box(2, 3) float64, in its own units."""

    action_space: Any = Box(-3.0, 5.0, (2, 3), np.float64)
    low, width = -3.0, 8.0
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode


class Switches(Arms):
    """Three switches of 2, 3 and 4 positions, the last from 5 on."""

    action_space = MultiDiscrete([2, 3, 4], start=[0, 0, 5])
    low, width = np.array([0.0, 0, 5]), np.array([1.0, 2, 3])


class Bits(Arms):
    """Four bits."""

    action_space = MultiBinary(4)
    low, width = 0.0, 1.0


class Knob(Arms):
    """One whole number without axes."""

    action_space = Box(0, 9, (), np.int32)
    low, width = 0.0, 9.0


class Masked(Switches):
    """The first switch may not be what it was; the others as they like."""

    told: Any = staticmethod(lambda mask: mask)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.last = 0
        return super().reset(seed=seed)[0], {"action_mask": self.told(self.mask())}

    def mask(self) -> np.ndarray:
        return np.array([self.last != 0, self.last != 1, 1, 1, 0, 1, 1, 1, 0], np.int8)

    def step(self, action: Any) -> Any:
        first, second, third = action
        assert first != self.last and second < 2 and third < 8, "not allowed"
        self.last = int(first)
        return *super().step(action)[:4], {"action_mask": self.told(self.mask())}


class ManyArms(NumpyEnv):
    """Arms, all N in one array: an own vector class."""

    observation_space, action_space = Box(0, 1, (6,), np.float32), Arms.action_space
    time_limit = 10

    def initial(self, count: int) -> np.ndarray:
        return self.rng.random((6, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        assert actions.shape == (self.num_envs, 2, 3) and actions.dtype == np.float64
        share = (actions.reshape(self.num_envs, 6).T + 3) / 8
        reward = -np.abs(share - rows.astype(np.float32)).mean(axis=0)
        return self.rng.random(rows.shape), reward, np.zeros(self.num_envs, bool)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)


KINDS = (Arms, Switches, Bits, Knob)
SPACES = [*(kind.action_space for kind in KINDS), Discrete(3, start=2)]
