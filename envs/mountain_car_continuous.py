"""MountainCarContinuous-v0, all environments in one array: Gymnasium's physics to the last bit.

MountainCar whose engine gives any force, which costs.  Moore 1990; Gymnasium's
continuous_mountain_car.py (Sigaud):
ẋ′ = bound[ẋ + 0.0015 u − 0.0025 cos 3x],   x′ = bound[x + ẋ′],   u = bound[a]

Gymnasium keeps float32 states, and a sum with a number of Python's is float32 too.  The float32 sum
of two float32 is their float64 sum, rounded: so states are float64 here, rounded where Gymnasium's
are, but for an episode's first, which is float64 there too (told by its digits: one in 5·10⁸ starts
happens to be a float32).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box

from drl.nn.compiled import compiled
from envs import libm
from envs.mountain_car import FLAGS, GRAVITY, ROW, ROWS, MountainCar

POWER = 0.0015  # positions a step², at full force
# as float32, with which Gymnasium compares
LOW, HIGH, GOAL, MAX_SPEED = (float(np.float32(x)) for x in (-1.2, 0.6, 0.45, 0.07))
BONUS, PRICE = 100.0, 0.1  # of reaching the flag; of a² in a step


def drive(
    rows: np.ndarray, action: np.ndarray, cos: np.ndarray,
    moved: np.ndarray, reward: np.ndarray, over: np.ndarray,
) -> None:  # fmt: skip
    """moved (3, N) ← the states a step later; reward, over (N,).

    action  a: (N, 1) float32;  cos  of 3x: (N,)
    """
    a, pull = action[:, 0], GRAVITY * cos
    speed = (rows[1] + (a * np.float32(POWER) - pull.astype(np.float32))).astype(np.float32)
    beyond = np.abs(a) > 1
    if beyond.any():  # then the force is a number of Python's, and the difference float64
        push = np.where(a > 0, POWER, -POWER) - pull
        rounded = (rows[1] + push.astype(np.float32)).astype(np.float32)
        fresh = rows[0] != rows[0].astype(np.float32)
        speed = np.where(beyond, np.where(fresh, rows[1] + push, rounded), speed)
    speed = np.minimum(np.maximum(speed, -MAX_SPEED), MAX_SPEED)
    moved[0] = x = np.minimum(np.maximum((rows[0] + speed).astype(np.float32), LOW), HIGH)
    moved[1] = speed.astype(np.float32) * ~((x == LOW) & (speed < 0))  # the wall stops the car
    moved[2] = 3 * x
    np.logical_and(x >= GOAL, moved[1] >= 0, out=over)
    cost = np.square(a, dtype=np.float64) * PRICE
    np.subtract(BONUS * over, cost, out=reward)


def drive_loop(
    rows: np.ndarray, action: np.ndarray, cos: np.ndarray,
    moved: np.ndarray, reward: np.ndarray, over: np.ndarray,
) -> None:  # fmt: skip
    """The next states as `drive` gives them, environment after environment, for `compiled`."""
    speed: Any
    for i in range(rows.shape[1]):
        a, pull = action[i, 0], GRAVITY * cos[i]
        if abs(a) > 1:
            push: Any = (POWER if a > 0 else -POWER) - pull
            if rows[0, i] == np.float32(rows[0, i]):
                speed = np.float64(np.float32(rows[1, i] + np.float32(push)))
            else:
                speed = rows[1, i] + push
        else:
            push = np.float64(a * np.float32(POWER) - np.float32(pull))
            speed = np.float64(np.float32(rows[1, i] + push))
        speed = min(max(speed, -MAX_SPEED), MAX_SPEED)
        x = np.float32(min(max(np.float64(np.float32(rows[0, i] + speed)), LOW), HIGH))
        if x == LOW and speed < 0:
            speed = 0.0
        moved[0, i], moved[1, i], moved[2, i] = x, np.float32(speed), np.float32(3) * x
        over[i] = x >= GOAL and speed >= 0
        reward[i] = (BONUS if over[i] else 0.0) - np.float64(a) * np.float64(a) * PRICE


ACTIONS = "float32[:, ::1]"
DRIVE_LOOP = f"void({ROWS}, {ACTIONS}, {ROW}, {ROWS}, {ROW}, {FLAGS})"


class MountainCarContinuous(MountainCar):
    """Rows: position x (−1.2 to 0.6), velocity ẋ (a step, within ±0.07), and 3x as Gymnasium
    computes it: of an episode's first state in float64, of all later ones in float32.

    Observations (2,) float32: x, ẋ.  Actions (1,) float32: a, of which the force is clipped to ±1.
    Reward −0.1 a², and 100 at the flag.  Episodes start at rest between −0.6 and −0.4.  Terminated
    where x ≥ 0.45 and ẋ ≥ 0; truncated after 999 steps.
    """

    id = "drl/MountainCarContinuous-v0"
    action_space = Box(-1.0, 1.0, (1,), np.float32)
    time_limit = 999
    reward_range = (-PRICE, BONUS)  # for actions of the space
    goal = GOAL

    def loop(self) -> Any:
        return (compiled(drive_loop, DRIVE_LOOP) if self.compiled else None) or drive

    def initial(self, count: int) -> np.ndarray:
        x, speed = super().initial(count)
        return np.stack([x, speed, 3 * x])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved, over = np.empty_like(rows), np.empty(self.num_envs, bool)
        reward = np.empty(self.num_envs)
        self.drive(rows, actions, libm.cos(rows[2]), moved, reward, over)
        return moved, reward, over
