"""A point in a square that has to get to a place: the smallest goal environment of continuous
actions, with a known optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Space

from envs.numpy_env import NumpyEnv

PLACE = Box(-1.0, 1.0, (2,), np.float32)
SIDE = 220  # pixels of a drawing
GOAL, POINT = (90, 180, 90), (0, 0, 0)  # colours


class Reach(NumpyEnv):
    """Rows: where the point is, (x, y), and where it should be.

    Observations are a Dict of (2,) float32 each: observation and achieved_goal, where it is;
    desired_goal.  Actions (2,) float32: the step, in units of `stride`, its length cut to 1.
    Reward 0 within `tolerance` of the goal, which terminates, else −1.  Both places are uniform in
    the square of ±1; truncated after 50 steps.

    Positions are float32 numbers, so that a reward is the same whoever computes it.
    """

    id = "drl/Reach-v0"
    action_space: Space[Any] = Box(-1.0, 1.0, (2,), np.float32)
    time_limit = 50
    reward_range = (-1.0, 0.0)
    stride = 0.1
    tolerance = 0.05

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        self.observation_space: Space[Any] = Dict(
            observation=PLACE, achieved_goal=PLACE, desired_goal=PLACE
        )
        super().__init__(num_envs, seed, **settings)

    def initial(self, count: int) -> np.ndarray:
        return _float32(self.rng.uniform(-1, 1, (4, count)))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        step = actions.astype(np.float64)
        step *= self.stride / np.maximum(1, np.linalg.norm(step, axis=1, keepdims=True))
        place, goal = rows.reshape(2, 2, -1).swapaxes(1, 2)  # (N, 2)
        place = _float32(np.clip(place + step, -1, 1))
        reward = self.compute_reward(place, goal)
        return np.concatenate([place.T, goal.T]), reward, self.compute_terminated(place, goal)

    def observe(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        place, goal = rows.astype(np.float32).reshape(2, 2, -1).swapaxes(1, 2)
        return {"observation": place, "achieved_goal": place, "desired_goal": goal}

    def succeeded(self, rows: np.ndarray) -> np.ndarray:
        """Whether the goal is reached."""
        now, wanted = rows.reshape(2, 2, -1).swapaxes(1, 2)
        return self.compute_terminated(now, wanted)

    def render(self) -> np.ndarray:
        """The goal as a disc of the tolerance, and the point as a black one."""
        x = np.linspace(-1.1, 1.1, SIDE)
        pixels = np.stack(np.meshgrid(x, -x), axis=2)  # (SIDE, SIDE, 2), y upwards
        image = np.full((SIDE, SIDE, 3), 255, np.uint8)
        for place, radius, colour in (
            (self.rows[2:, 0], self.tolerance, GOAL), (self.rows[:2, 0], 0.025, POINT),
        ):  # fmt: skip
            image[np.linalg.norm(pixels - place, axis=2) <= radius] = colour
        return image

    def compute_reward(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any = None
    ) -> np.ndarray:
        """0 within `tolerance` of the goal, else −1: (N, 2), (N, 2) → (N,)."""
        return self.compute_terminated(achieved_goal, desired_goal) - 1.0

    def compute_terminated(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any = None
    ) -> np.ndarray:
        """Whether it is within `tolerance` of the goal: (N,) bool."""
        apart = np.asarray(achieved_goal, np.float64) - desired_goal
        near: np.ndarray = np.linalg.norm(apart, axis=-1) <= self.tolerance
        return near


def best_returns(
    place: np.ndarray, goal: np.ndarray, stride: float = Reach.stride,
    tolerance: float = Reach.tolerance,
) -> np.ndarray:  # fmt: skip
    """1 − n,  n = ⌈(distance − tolerance)/stride⌉ steps straight on, 1 at least: (N, 2), (N, 2) →
    (N,)."""
    distance = np.linalg.norm(np.asarray(goal, np.float64) - place, axis=-1)
    found: np.ndarray = 1.0 - np.maximum(1, np.ceil((distance - tolerance) / stride))
    return found


def _float32(x: np.ndarray) -> np.ndarray:
    """The nearest numbers that float32 has, in float64."""
    return x.astype(np.float32).astype(np.float64)
