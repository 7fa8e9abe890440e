"""Acrobot-v1, all environments in one array: Gymnasium's physics to the last bit.

Two links, a torque only at the joint between them, must swing their end above a line.  Sutton
1996; equations of motion of Sutton & Barto 1998, §11.3; a Runge-Kutta step of 0.2 s as in RLPy and
Gymnasium.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from drl.images import BLACK, GREY, canvas
from drl.nn.compiled import compiled
from envs.drawing import gymnasiums_canvas, rendered
from envs.libm import squares
from envs.numpy_env import NumpyEnv

# masses m₁ = m₂ = 1 kg, length l₁ = 1 m, moments of inertia I₁ = I₂ = 1 kg m²: as factors left out
LC = 0.5  # m, from a link's joint to its centre of mass, l_c1 = l_c2
G = 9.8  # m/s²
PULL1, PULL2 = (LC + 1.0) * G, LC * G  # N m: (m₁ l_c1 + m₂ l₁) g, m₂ l_c2 g
LC_2, SUM_2 = LC**2, 1.0 + LC**2  # m²: l_c², l₁² + l_c2²
TAU = 0.2  # s, between two steps
MAX_SPEED1, MAX_SPEED2 = 4 * math.pi, 9 * math.pi  # rad/s
TURN = 2 * math.pi
TORQUES = np.array([-1.0, 0.0, 1.0])  # N m, by action
HIGHEST = np.array([1.0, 1.0, 1.0, 1.0, MAX_SPEED1, MAX_SPEED2], np.float32)


def accelerations(
    torque: Any, speed1: Any, speed2: Any, d2: Any, square1: Any, square2: Any, d2_square: Any,
    cos2: Any, cos12: Any, cos1: Any, sin2: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """θ̈₁ and θ̈₂, of one environment or of rows of environments.

    d₁ = m₁ l_c1² + m₂ (l₁² + l_c2² + 2 l₁ l_c2 cos θ₂) + I₁ + I₂
    d₂ = m₂ (l_c2² + l₁ l_c2 cos θ₂) + I₂
    φ₂ = m₂ l_c2 g cos(θ₁ + θ₂ − π/2)
    φ₁ = −m₂ l₁ l_c2 θ̇₂² sin θ₂ − 2 m₂ l₁ l_c2 θ̇₂ θ̇₁ sin θ₂ + (m₁ l_c1 + m₂ l₁) g cos(θ₁ − π/2) + φ₂
    θ̈₂ = (u + d₂/d₁ φ₁ − m₂ l₁ l_c2 θ̇₁² sin θ₂ − φ₂) / (m₂ l_c2² + I₂ − d₂²/d₁)
    θ̈₁ = −(d₂ θ̈₂ + φ₁) / d₁

    Operation for operation in Gymnasium's order: the last bit depends on it.
    """
    d1 = LC_2 + (SUM_2 + cos2) + 1.0 + 1.0
    phi2 = PULL2 * cos12
    phi1 = -LC * square2 * sin2 - speed2 * speed1 * sin2 + PULL1 * cos1 + phi2
    acc2 = (torque + d2 / d1 * phi1 - LC * square1 * sin2 - phi2) / (SUM_2 - d2_square / d1)
    return -(d2 * acc2 + phi1) / d1, acc2


def look(rows: np.ndarray, k: np.ndarray, ahead: float, at: np.ndarray) -> None:
    """at (7, N), all but the last, ← at rows + ahead · k:   θ₁ + θ₂ − π/2, θ₁ − π/2, θ₁, θ₂, θ̇₁, θ̇₂
    (then d₂)."""
    np.add(rows, ahead * k, out=at[2:6])
    np.add(at[2], at[3], out=at[0])
    at[1] = at[2]
    at[:2] -= math.pi / 2


def look_loop(rows: np.ndarray, k: np.ndarray, ahead: float, at: np.ndarray) -> None:
    """What `look` gives, environment after environment, for `compiled`."""
    for i in range(rows.shape[1]):
        for d in range(4):
            at[2 + d, i] = rows[d, i] + ahead * k[d, i]
        at[0, i] = at[2, i] + at[3, i] - math.pi / 2
        at[1, i] = at[2, i] - math.pi / 2


def slope(
    torque: np.ndarray, at: np.ndarray, cos: np.ndarray, sin2: np.ndarray, square: np.ndarray,
    k: np.ndarray,
) -> None:  # fmt: skip
    """k (4, N) ← d(rows)/dt.

    at    of `look`: (7, N);   cos  of its first four: (4, N);   square  of its last three: (3, N)
    sin2  sin θ₂: (N,)
    """
    k[:2] = at[4:6]
    k[2], k[3] = accelerations(
        torque, at[4], at[5], at[6], square[0], square[1], square[2], cos[3], cos[0], cos[1], sin2
    )


def slope_loop(
    torque: np.ndarray, at: np.ndarray, cos: np.ndarray, sin2: np.ndarray, square: np.ndarray,
    k: np.ndarray,
) -> None:  # fmt: skip
    """d(rows)/dt as `slope` gives it, environment after environment, for `compiled`."""
    for i in range(k.shape[1]):
        k[0, i], k[1, i] = at[4, i], at[5, i]
        k[2, i], k[3, i] = accelerations(
            torque[i], at[4, i], at[5, i], at[6, i], square[0, i], square[1, i], square[2, i],
            cos[3, i], cos[0, i], cos[1, i], sin2[i],
        )  # fmt: skip


def arrive(rows: np.ndarray, k: np.ndarray, moved: np.ndarray) -> None:
    """moved (4, N) ← rows + τ/6 (k₁ + 2k₂ + 2k₃ + k₄), whole turns taken off, speeds bounded.

    k: (4, 4, N), slopes by stage
    """
    np.add(rows, TAU / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3]), out=moved)
    angles = moved[:2]
    while np.count_nonzero(
        over := np.abs(angles) > math.pi
    ):  # turn by turn, as the last bit has it
        angles[over] -= np.copysign(TURN, angles[over])
    np.minimum(np.maximum(moved[2], -MAX_SPEED1), MAX_SPEED1, out=moved[2])
    np.minimum(np.maximum(moved[3], -MAX_SPEED2), MAX_SPEED2, out=moved[3])


def arrive_loop(rows: np.ndarray, k: np.ndarray, moved: np.ndarray) -> None:
    """The next states as `arrive` gives them, environment after environment, for `compiled`."""
    for i in range(rows.shape[1]):
        for d in range(4):
            change = k[0, d, i] + 2 * k[1, d, i] + 2 * k[2, d, i] + k[3, d, i]
            moved[d, i] = rows[d, i] + TAU / 6 * change
        for d in range(2):
            while moved[d, i] > math.pi:
                moved[d, i] -= TURN
            while moved[d, i] < -math.pi:
                moved[d, i] += TURN
        moved[2, i] = min(max(moved[2, i], -MAX_SPEED1), MAX_SPEED1)
        moved[3, i] = min(max(moved[3, i], -MAX_SPEED2), MAX_SPEED2)


CUBE, ROWS, ROW = "float64[:, :, ::1]", "float64[:, ::1]", "float64[::1]"
LOOK_LOOP = f"void({ROWS}, {ROWS}, float64, {ROWS})"
SLOPE_LOOP = f"void({ROW}, {ROWS}, {ROWS}, {ROW}, {ROWS}, {ROWS})"
ARRIVE_LOOP = f"void({ROWS}, {CUBE}, {ROWS})"


class Acrobot(NumpyEnv):
    """Rows: angles θ₁ (rad, 0 hangs down) and θ₂ (rad, relative to the first link), each −π to π;
    angular velocities θ̇₁ (±4π rad/s) and θ̇₂ (±9π rad/s).

    Observations (6,) float32: cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂.  Actions: a torque of −1, 0
    or 1 N m.
    Reward −1 for every step but the one that terminates, which gives 0.  Episodes start with all
    four within ±0.1, as float32 (Gymnasium takes cos and sin of those in float32: its first
    observation may differ in the last bit).  Terminated where the end is more than 1 m above the
    first joint; truncated after 500 steps.
    """

    id = "drl/Acrobot-v1"
    observation_space: Space[Any] = Box(-HIGHEST, HIGHEST, dtype=np.float32)
    action_space = Discrete(3)
    time_limit = 500
    reward_range = (-1.0, 0.0)
    fps = 15.0

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        fast = self.compiled
        self.look = (compiled(look_loop, LOOK_LOOP) if fast else None) or look
        self.slope = (compiled(slope_loop, SLOPE_LOOP, accelerations) if fast else None) or slope
        self.arrive = (compiled(arrive_loop, ARRIVE_LOOP) if fast else None) or arrive

    def initial(self, count: int) -> np.ndarray:
        return self.rng.uniform(-0.1, 0.1, (4, count)).astype(np.float32).astype(np.float64)

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        torque = TORQUES.take(actions)
        at, k = np.empty((7, self.num_envs)), np.zeros((4, 4, self.num_envs))
        for stage, ahead in enumerate((0.0, TAU / 2, TAU / 2, TAU)):
            self.look(rows, k[stage - 1], ahead, at)
            # numpy's cos and sin either way: another library's may differ in the last bit
            cos, sin2 = np.cos(at[:4]), np.sin(at[3])
            at[6] = LC_2 + LC * cos[3] + 1.0  # d₂
            self.slope(torque, at, cos, sin2, squares(at[4:]), k[stage])
        moved = np.empty_like(rows)
        self.arrive(rows, k, moved)
        over = -np.cos(moved[0]) - np.cos(moved[1] + moved[0]) > 1.0
        return moved, over - 1.0, over

    def observe(self, rows: np.ndarray) -> np.ndarray:
        seen = np.empty((rows.shape[1], 6), np.float32)
        seen[:, 0:4:2], seen[:, 1:4:2] = np.cos(rows[:2]).T, np.sin(rows[:2]).T
        seen[:, 4:] = rows[2:].T
        return seen

    def render(self) -> np.ndarray:
        """Gymnasium's drawing of our state."""
        self.canvas.unwrapped.state = self.rows[:, 0]
        return rendered(self.canvas, self.id)

    def sketch(self) -> np.ndarray:
        """Links of environment 0 and the line to reach, (100, 100, 3) uint8: a hundredth of the
        time that Gymnasium's drawing takes."""
        side, scale = 100, 23  # pixels, pixels per metre
        angle = self.rows[0, 0] + np.array([0.0, self.rows[1, 0]])  # of the links, 0 hangs down
        right = side / 2 + scale * np.append(0, np.sin(angle)).cumsum()
        down = side / 2 + scale * np.append(0, np.cos(angle)).cumsum()
        image, draw, _ = canvas(side, side)
        draw.line((0, side / 2 - scale, side, side / 2 - scale), GREY)
        draw.line([*zip(right, down, strict=True)], (0, 160, 160), 5)
        for x, y in zip(right[:2], down[:2], strict=True):
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), BLACK)
        return np.asarray(image)

    @cached_property
    def canvas(self) -> Any:
        return gymnasiums_canvas("Acrobot-v1")
