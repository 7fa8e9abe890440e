"""CartPole-v1, all worlds in one array: Gymnasium's physics to the last bit, many times faster.

Barto, Sutton & Anderson 1983; the equations of motion are Florian 2007's, eq. 23 and 24.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from envs.core import NumpyEnv
from envs.drawing import headless, rendered

GRAVITY = 9.8  # m/s²
CART, POLE = 1.0, 0.1  # kg
TOTAL = POLE + CART
HALF_LENGTH = 0.5  # m, half the pole
POLE_MOMENT = POLE * HALF_LENGTH  # kg m
FORCE = 10.0  # N
TAU = 0.02  # s, between two steps
X_LIMIT = 2.4  # m
THETA_LIMIT = 12 * 2 * math.pi / 360  # rad


@dataclass
class CartPole(NumpyEnv):
    """Rows: position x (m), velocity ẋ (m/s), angle θ (rad), angular velocity θ̇ (rad/s).

    Observations (4,) float32: the same.  Actions: 0 pushes left, 1 right.  Reward 1 for every step,
    the last one too.  Terminated where |x| > 2.4 m or |θ| > 12°; truncated after 500 steps.
    """

    id: str = "CartPole-v1"
    num_envs: int = 1
    seed: int = 0
    time_limit: int = 500
    observation_shape: tuple[int, ...] = (4,)
    fps: float = 1 / TAU

    def initial(self, count: int) -> np.ndarray:
        return self.rng.uniform(-0.05, 0.05, (4, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        # operation for operation in Gymnasium's order: float64 sums depend on it
        x, x_dot, theta, theta_dot = rows
        force = np.where(actions == 1, FORCE, -FORCE)
        cos, sin = np.cos(theta), np.sin(theta)
        temp = (force + POLE_MOMENT * np.square(theta_dot) * sin) / TOTAL
        theta_acc = (GRAVITY * sin - cos * temp) / (
            HALF_LENGTH * (4.0 / 3.0 - POLE * np.square(cos) / TOTAL)
        )
        x_acc = temp - POLE_MOMENT * theta_acc * cos / TOTAL
        moved = np.empty_like(rows)  # Euler: positions move with the old velocities
        np.add(x, TAU * x_dot, out=moved[0])
        np.add(x_dot, TAU * x_acc, out=moved[1])
        np.add(theta, TAU * theta_dot, out=moved[2])
        np.add(theta_dot, TAU * theta_acc, out=moved[3])
        terminated = (np.abs(moved[0]) > X_LIMIT) | (np.abs(moved[2]) > THETA_LIMIT)
        return moved, np.ones(self.num_envs), terminated

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows.T, np.float32)

    def picture(self) -> np.ndarray:
        """Gymnasium's drawing of our state."""
        self.canvas.unwrapped.state = self.rows[:, 0]
        return rendered(self.canvas, self.id)

    @cached_property
    def canvas(self) -> Any:
        import gymnasium as gym

        headless()
        canvas = gym.make("CartPole-v1", render_mode="rgb_array", disable_env_checker=True)
        canvas.reset()  # else it refuses to draw
        return canvas
