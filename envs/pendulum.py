"""Pendulum-v1, all environments in one array: Gymnasium's physics to the last bit.

A uniform rod, held at one end, which a torque too weak to lift it must swing up.  Gymnasium's
pendulum.py (Luis); the task is Doya's, Neural Computation 2000, §4.1, with other constants.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space

from drl.images import BLACK, canvas
from drl.nn.compiled import compiled
from envs import libm
from envs.drawing import gymnasiums_canvas, rendered
from envs.libm import power
from envs.numpy_env import NumpyEnv

GRAVITY = 10.0  # m/s²
MASS, LENGTH = 1.0, 1.0  # kg, m
TAU = 0.05  # s, between two steps
MAX_SPEED, MAX_TORQUE = 8.0, 2.0  # rad/s, N m
WEIGHT = 3 * GRAVITY / (2 * LENGTH)  # 1/s²
INVERSE = 3.0 / (MASS * LENGTH**2)  # 1/(kg m²), of the rod's moment of inertia ml²/3
LARGEST = np.float32(MAX_TORQUE)
HIGHEST = np.array([1.0, 1.0, MAX_SPEED], np.float32)


# 0-d arrays, which numpy takes in half the time that a number of Python's costs it
HALF_TURN, TURN, LIFT, STEP, SLOW, FAST, SPEED_PRICE = (
    np.array(x) for x in (math.pi, 2 * math.pi, WEIGHT, TAU, -MAX_SPEED, MAX_SPEED, 0.1)
)
PUSH, TORQUE_PRICE, LEAST, MOST = (
    np.array(x, np.float32) for x in (INVERSE, 0.001, -MAX_TORQUE, MAX_TORQUE)
)


def swing(
    rows: np.ndarray, action: np.ndarray, sin: np.ndarray, two: float, two32: np.float32,
    moved: np.ndarray, reward: np.ndarray,
) -> None:  # fmt: skip
    """moved (2, N) ← the states τ later;  reward (N,) ← of the states before.

    u = a within ±2
    θ̇′ = θ̇ + τ (3g/(2l) sin θ + 3/(ml²) u), within ±8;   θ′ = θ + τ θ̇′
    r = −(θ² + 0.1 θ̇² + 0.001 u²),   θ within −π to π

    Operation for operation in Gymnasium's order and precision: the last bit depends on it.

    action  a: (N, 1) float32;  sin  of θ: (N,);  two, two32  the exponents
    """
    torque = np.minimum(np.maximum(action[:, 0], LEAST), MOST)
    speed = rows[1] + (LIFT * sin + PUSH * torque) * STEP
    moved[1] = np.minimum(np.maximum(speed, SLOW), FAST)
    np.add(rows[0], moved[1] * STEP, out=moved[0])
    bases = rows.copy()
    bases[0] = (rows[0] + HALF_TURN) % TURN - HALF_TURN
    square = power(bases, two)
    price = square[0] + SPEED_PRICE * square[1] + TORQUE_PRICE * power(torque, two32)
    np.negative(price, out=reward)


def swing_loop(
    rows: np.ndarray, action: np.ndarray, sin: np.ndarray, two: float, two32: np.float32,
    moved: np.ndarray, reward: np.ndarray,
) -> None:  # fmt: skip
    """States and rewards as `swing` gives them, environment after environment, for `compiled`."""
    for i in range(rows.shape[1]):
        torque = min(max(action[i, 0], -LARGEST), LARGEST)
        speed = rows[1, i] + (WEIGHT * sin[i] + np.float32(INVERSE) * torque) * TAU
        moved[1, i] = min(max(speed, -MAX_SPEED), MAX_SPEED)
        moved[0, i] = rows[0, i] + moved[1, i] * TAU
        theta = (rows[0, i] + math.pi) % (2 * math.pi) - math.pi
        price = math.pow(theta, two) + 0.1 * math.pow(rows[1, i], two)
        reward[i] = -(price + np.float32(0.001) * math.pow(torque, two32))


ROWS, ROW, ACTIONS = "float64[:, ::1]", "float64[::1]", "float32[:, ::1]"
SWING_LOOP = f"void({ROWS}, {ACTIONS}, {ROW}, float64, float32, {ROWS}, {ROW})"


class Pendulum(NumpyEnv):
    """Rows: angle θ (rad, 0 is upright, not wrapped), angular velocity θ̇ (rad/s).

    Observations (3,) float32: cos θ, sin θ, θ̇.  Actions (1,) float32: torque u (N m), clipped to
    ±2.  Reward −(θ² + 0.1 θ̇² + 0.001 u²) of the state before the step.  Episodes start at any
    angle with |θ̇| ≤ 1; none terminates; truncated after 200 steps.
    """

    id = "drl/Pendulum-v1"
    observation_space: Space[Any] = Box(-HIGHEST, HIGHEST, dtype=np.float32)
    action_space: Space[Any] = Box(-MAX_TORQUE, MAX_TORQUE, (1,), np.float32)
    time_limit = 200
    reward_range = (-(math.pi**2 + 0.1 * MAX_SPEED**2 + 0.001 * MAX_TORQUE**2), 0.0)
    fps = 30.0
    fresh = True

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        fast = self.compiled and libm.in_loops()
        self.swing = (compiled(swing_loop, SWING_LOOP) if fast else None) or swing

    def initial(self, count: int) -> np.ndarray:
        return self.rng.uniform(-1.0, 1.0, (2, count)) * [[math.pi], [1.0]]

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved, reward = np.empty(rows.shape), np.empty(self.num_envs)
        # numpy's sin either way: another library's may differ in the last bit
        self.swing(rows, actions, np.sin(rows[0]), libm.TWO, libm.TWO32, moved, reward)
        return moved, reward, np.zeros(self.num_envs, bool)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        seen = np.empty((rows.shape[1], 3), np.float32)
        seen[:, 0], seen[:, 1], seen[:, 2] = np.cos(rows[0]), np.sin(rows[0]), rows[1]
        return seen

    def render(self) -> np.ndarray:
        """Gymnasium's drawing of our state, without its arrow for the torque."""
        self.canvas.unwrapped.state = self.rows[:, 0]
        return rendered(self.canvas, self.id)

    def sketch(self) -> np.ndarray:
        """Rod and axle of environment 0, (100, 100, 3) uint8: a hundredth of the time that
        Gymnasium's drawing takes."""
        side, reach = 100, 42  # pixels
        image, draw, _ = canvas(side, side)
        middle, theta = side / 2, self.rows[0, 0]
        tip = (middle - reach * np.sin(theta), middle - reach * np.cos(theta))
        draw.line((middle, middle, *tip), (200, 80, 80), 7)
        draw.ellipse((middle - 3, middle - 3, middle + 3, middle + 3), BLACK)
        return np.asarray(image)

    @cached_property
    def canvas(self) -> Any:
        return gymnasiums_canvas("Pendulum-v1")
