"""CartPole-v1, all environments in one array: Gymnasium's physics to the last bit, many times
faster.

Barto, Sutton & Anderson 1983; the equations of motion are Florian 2007's, eq. 23 and 24.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from drl.images import BLACK, GREY, canvas
from drl.nn.compiled import compiled
from envs.answers import LARGEST
from envs.drawing import gymnasiums_canvas, rendered
from envs.numpy_env import NumpyEnv

GRAVITY = 9.8  # m/s²
CART, POLE = 1.0, 0.1  # kg
TOTAL = POLE + CART
HALF_LENGTH = 0.5  # m, half the pole
POLE_MOMENT = POLE * HALF_LENGTH  # kg m
FORCE = 10.0  # N
TAU = 0.02  # s, between two steps
X_LIMIT = 2.4  # m
THETA_LIMIT = 12 * 2 * math.pi / 360  # rad


FORCES = np.array([-FORCE, FORCE])  # by action


def accelerations(force: Any, theta_dot: Any, cos: Any, sin: Any) -> tuple[Any, Any]:
    """ẍ and θ̈, of one environment or of rows of environments.

    Operation for operation in Gymnasium's order: the last bit depends on it.
    """
    temp = (force + POLE_MOMENT * (theta_dot * theta_dot) * sin) / TOTAL
    theta_acc = (GRAVITY * sin - cos * temp) / (
        HALF_LENGTH * (4.0 / 3.0 - POLE * (cos * cos) / TOTAL)
    )
    return temp - POLE_MOMENT * theta_acc * cos / TOTAL, theta_acc


def euler(
    rows: np.ndarray, force: np.ndarray, cos: np.ndarray, sin: np.ndarray,
    moved: np.ndarray, over: np.ndarray,
) -> None:  # fmt: skip
    """moved (4, N) ← the states τ later, positions moving with the old speeds; over (N,) ← ends."""
    moved[::2] = rows[1::2]
    moved[1], moved[3] = accelerations(force, rows[3], cos, sin)
    moved *= TAU
    moved += rows
    np.logical_or(np.abs(moved[0]) > X_LIMIT, np.abs(moved[2]) > THETA_LIMIT, out=over)


def euler_loop(
    rows: np.ndarray, force: np.ndarray, cos: np.ndarray, sin: np.ndarray,
    moved: np.ndarray, over: np.ndarray,
) -> None:  # fmt: skip
    """The same, environment after environment, for `compiled`."""
    for i in range(rows.shape[1]):
        x_acc, theta_acc = accelerations(force[i], rows[3, i], cos[i], sin[i])
        moved[0, i] = rows[0, i] + TAU * rows[1, i]
        moved[1, i] = rows[1, i] + TAU * x_acc
        moved[2, i] = rows[2, i] + TAU * rows[3, i]
        moved[3, i] = rows[3, i] + TAU * theta_acc
        over[i] = abs(moved[0, i]) > X_LIMIT or abs(moved[2, i]) > THETA_LIMIT


ROWS, ROW, FLAGS = "float64[:, ::1]", "float64[::1]", "boolean[::1]"
EULER_LOOP = f"void({ROWS}, {ROW}, {ROW}, {ROW}, {ROWS}, {FLAGS})"


class CartPole(NumpyEnv):
    """Rows: position x (m), velocity ẋ (m/s), angle θ (rad), angular velocity θ̇ (rad/s).

    Observations (4,) float32: the same.  Actions: 0 pushes left, 1 right.  Reward 1 for every step,
    the last one too.  Terminated where |x| > 2.4 m or |θ| > 12°; truncated after 500 steps.
    """

    id = "CartPole-v1"
    observation_space: Space[Any] = Box(-LARGEST, LARGEST, (4,), np.float32)
    action_space = Discrete(2)
    time_limit = 500
    reward_range = (1.0, 1.0)
    fps = 1 / TAU
    fresh = True

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        loop = compiled(euler_loop, EULER_LOOP, accelerations) if self.compiled else None
        self.euler = loop or euler
        self.ones = np.ones(self.num_envs)

    def initial(self, count: int) -> np.ndarray:
        return self.rng.uniform(-0.05, 0.05, (4, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved, over = np.empty(rows.shape), np.empty(self.num_envs, bool)
        # numpy's cos and sin either way: another library's may differ in the last bit
        cos, sin = np.cos(rows[2]), np.sin(rows[2])
        self.euler(rows, FORCES.take(actions), cos, sin, moved, over)
        return moved, self.ones.copy(), over

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows.T, np.float32)

    def render(self) -> np.ndarray:
        """Gymnasium's drawing of our state."""
        self.canvas.unwrapped.state = self.rows[:, 0]
        return rendered(self.canvas, self.id)

    def sketch(self) -> np.ndarray:
        """Cart and pole of environment 0 in lines, (100, 200, 3) uint8: a hundredth of the time
        that Gymnasium's drawing takes.  (A whole training may take a second, pygame alone half of
        one to load.)"""
        width, height, scale = 200, 100, 40  # pixels, pixels, pixels per metre
        x, _, theta, _ = self.rows[:, 0]
        image, draw, _ = canvas(width, height)
        ground, middle = height - 20, width / 2 + x * scale
        draw.line((0, ground, width, ground), GREY)
        draw.rectangle((middle - 12, ground - 8, middle + 12, ground), BLACK)
        tip = (middle + scale * np.sin(theta), ground - 8 - scale * np.cos(theta))
        draw.line((middle, ground - 8, *tip), (200, 120, 60), 4)
        return np.asarray(image)

    @cached_property
    def canvas(self) -> Any:
        return gymnasiums_canvas("CartPole-v1")


class CartPolePositions(CartPole):
    """CartPole without its velocities: how fast cart and pole move is only in what was seen before.

    Observations (2,) float32: position x (m), angle θ (rad).  All else as CartPole.
    """

    id = "drl/CartPolePositions-v1"
    observation_space: Space[Any] = Box(-LARGEST, LARGEST, (2,), np.float32)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows[::2].T, np.float32)
