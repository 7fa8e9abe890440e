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

import math
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


# 0-d arrays, which numpy takes in half the time that a number of Python's costs it
PULL, COST = np.array(GRAVITY), np.array(-PRICE)
ENGINE, SLOW, FAST, WALL, END, FLAG, STILL, THREE = (
    np.array(x, np.float32) for x in (POWER, -MAX_SPEED, MAX_SPEED, LOW, HIGH, GOAL, 0, 3)
)


def drive(rows: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The states (3, N) a step later; rewards, ends (N,).   action  a: (N, 1) float32."""
    moved = np.empty(rows.shape)
    a, pull = action[:, 0], PULL * libm.cos(rows[2])
    speed = rows[1].astype(np.float32) + (a * ENGINE - pull.astype(np.float32))
    square = a.astype(np.float64)
    square *= square
    reward = square * COST
    fully = square[square.argmax()] > 1  # a third of the time of `any` or `max`
    if fully:
        speed = _at_full_force(rows, a, pull, speed)
    moved[1] = speed = np.minimum(np.maximum(speed, SLOW), FAST)
    x = (rows[0] + moved[1]).astype(np.float32)
    if fully:
        moved[1] = speed.astype(np.float32)
    over = x >= FLAG
    if x[x.argmin()] <= LOW or over[over.argmax()]:
        x = np.minimum(np.maximum(x, WALL), END)
        moved[1] *= ~((x == WALL) & (speed < STILL))  # the wall stops the car
        over &= speed >= STILL
        reward[over] += BONUS
    moved[0], moved[2] = x, THREE * x
    return moved, reward, over


def _at_full_force(
    rows: np.ndarray, a: np.ndarray, pull: np.ndarray, speed: np.ndarray
) -> np.ndarray:
    """Speeds, right also where |a| > 1.  There the force is a number of Python's, and its
    difference to the pull float64; of an episode's first state the speed is too."""
    push = np.where(a > 0, POWER, -POWER) - pull
    rounded = rows[1].astype(np.float32) + push.astype(np.float32)
    fresh = rows[0] != rows[0].astype(np.float32)
    return np.where(np.abs(a) > 1, np.where(fresh, rows[1] + push, rounded), speed)


def drive_loop(
    rows: np.ndarray, action: np.ndarray, moved: np.ndarray, reward: np.ndarray, over: np.ndarray
) -> None:
    """moved (3, N), reward, over (N,) ← what `drive` gives, environment after environment, for
    `compiled`."""
    speed: Any
    for i in range(rows.shape[1]):
        a, pull = action[i, 0], GRAVITY * math.cos(rows[2, i])
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
        reward[i] = np.float64(a) * np.float64(a) * -PRICE
        if over[i]:
            reward[i] += BONUS


ACTIONS = "float32[:, ::1]"
DRIVE_LOOP = f"void({ROWS}, {ACTIONS}, {ROWS}, {ROW}, {FLAGS})"


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
    fresh = True

    def loop(self) -> Any:
        fast = self.compiled and libm.in_loops()
        return (compiled(drive_loop, DRIVE_LOOP) if fast else None) or drive

    def initial(self, count: int) -> np.ndarray:
        x, speed = super().initial(count)
        return np.stack([x, speed, 3 * x])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        looped = self.drive is not drive
        if not looped:
            return drive(rows, actions)
        moved, reward = np.empty(rows.shape), np.empty(self.num_envs)
        over = np.empty(self.num_envs, bool)
        self.drive(rows, actions, moved, reward, over)
        return moved, reward, over
