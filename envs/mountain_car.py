"""MountainCar-v0, all environments in one array: Gymnasium's physics to the last bit.

A car in a valley, too weak to drive out, must swing up.  Moore 1990; Sutton & Barto 2018,
Example 10.1:   ẋ′ = bound[ẋ + 0.001 (a − 1) − 0.0025 cos 3x],   x′ = bound[x + ẋ′]
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from drl.images import BLACK, GREY, canvas
from drl.nn.compiled import compiled
from envs import libm
from envs.drawing import gymnasiums_canvas, rendered
from envs.numpy_env import NumpyEnv

LOW, HIGH, GOAL = -1.2, 0.6, 0.5  # positions: the wall, the other end, the flag
MAX_SPEED = 0.07  # positions a step
FORCE, GRAVITY = 0.001, 0.0025  # positions a step²
FORCES = np.array([-FORCE, 0.0, FORCE])  # by action


# 0-d arrays, which numpy takes in half the time that a number of Python's costs it
PULL, SLOW, FAST = np.array(-GRAVITY), np.array(-MAX_SPEED), np.array(MAX_SPEED)
WALL, END, FLAG, REST = np.array(LOW), np.array(HIGH), np.array(GOAL), np.array(0.0)


def drive(rows: np.ndarray, force: np.ndarray, moved: np.ndarray, over: np.ndarray) -> None:
    """moved (2, N) ← the states a step later; over (N,) ← at the flag.   force: of the action."""
    speed = rows[1] + (force + libm.cos(3 * rows[0]) * PULL)
    speed = np.minimum(np.maximum(speed, SLOW), FAST)
    x = np.minimum(np.maximum(rows[0] + speed, WALL), END)
    speed *= ~((x == WALL) & (speed < REST))  # the wall stops the car
    moved[0], moved[1] = x, speed
    np.logical_and(x >= FLAG, speed >= REST, out=over)


def drive_loop(rows: np.ndarray, force: np.ndarray, moved: np.ndarray, over: np.ndarray) -> None:
    """The next states as `drive` gives them, environment after environment, for `compiled`."""
    for i in range(rows.shape[1]):
        speed = rows[1, i] + (force[i] + math.cos(3 * rows[0, i]) * -GRAVITY)
        speed = min(max(speed, -MAX_SPEED), MAX_SPEED)
        x = min(max(rows[0, i] + speed, LOW), HIGH)
        if x == LOW and speed < 0:
            speed = 0.0
        moved[0, i], moved[1, i] = x, speed
        over[i] = x >= GOAL and speed >= 0


ROWS, ROW, FLAGS = "float64[:, ::1]", "float64[::1]", "boolean[::1]"
DRIVE_LOOP = f"void({ROWS}, {ROW}, {ROWS}, {FLAGS})"


class MountainCar(NumpyEnv):
    """Rows: position x (−1.2 to 0.6), velocity ẋ (a step, within ±0.07).

    Observations (2,) float32: the rows.  Actions: 0 accelerates to the left, 1 not, 2 to the right.
    Reward −1 for every step.  Episodes start at rest between −0.6 and −0.4.  Terminated where
    x ≥ 0.5 and ẋ ≥ 0; truncated after 200 steps.
    """

    id = "drl/MountainCar-v0"
    observation_space: Space[Any] = Box(
        np.array([LOW, -MAX_SPEED], np.float32), np.array([HIGH, MAX_SPEED], np.float32)
    )
    action_space: Space[Any] = Discrete(3)
    time_limit = 200
    reward_range: tuple[float, float] = (-1.0, -1.0)
    fps = 30.0
    fresh = True
    goal = GOAL

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        self.drive = self.loop()
        self.reward = -np.ones(self.num_envs)

    def loop(self) -> Any:
        """What moves the cars: compiled where that is asked for, and gives the same numbers."""
        fast = self.compiled and libm.in_loops()
        return (compiled(drive_loop, DRIVE_LOOP) if fast else None) or drive

    def initial(self, count: int) -> np.ndarray:
        return np.stack([self.rng.uniform(-0.6, -0.4, count), np.zeros(count)])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved, over = np.empty(rows.shape), np.empty(self.num_envs, bool)
        self.drive(rows, FORCES.take(actions), moved, over)
        return moved, self.reward.copy(), over

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows[:2].T, np.float32)

    def render(self) -> np.ndarray:
        """Gymnasium's drawing of our state."""
        self.canvas.unwrapped.state = self.rows[:2, 0]
        return rendered(self.canvas, self.id)

    def sketch(self) -> np.ndarray:
        """Valley, flag and car of environment 0, (100, 180, 3) uint8: a hundredth of the time
        that Gymnasium's drawing takes."""
        width, height, scale = 180, 100, 100  # pixels, pixels, pixels per unit of x
        x = np.append(np.linspace(LOW, HIGH, 61), [self.goal, self.rows[0, 0]])
        right = (x - LOW) * scale
        down = height - 5 - 70 * (0.55 + 0.45 * np.sin(3 * x))
        image, draw, _ = canvas(width, height)
        draw.line([*zip(right[:61], down[:61], strict=True)], GREY, 2)
        flag, top = right[61], down[61] - 18
        draw.line((flag, down[61], flag, top), BLACK)
        draw.polygon((flag, top, flag + 9, top + 4, flag, top + 8), (204, 204, 0))
        draw.ellipse((right[62] - 6, down[62] - 13, right[62] + 6, down[62] - 1), BLACK)
        return np.asarray(image)

    @cached_property
    def canvas(self) -> Any:
        return gymnasiums_canvas(self.id.removeprefix("drl/"))
