"""Catch: a ball falls, a paddle has to be under it.   Osband et al. 2020 (bsuite), after Mnih 2014.

V*(s) = ±γ^(k−1), k the steps until the ball is down: + where the paddle can still be there
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.numpy_env import NumpyEnv

CELL = 32  # pixels, in a video


@dataclass
class Catch(NumpyEnv):
    """Rows: the ball's row and column, the paddle's column, on a board of 10 × 5.

    Observations (10, 5, 1) bool: ball and paddle.  Actions: 0 left, 1 stay, 2 right.  The ball
    starts in the top row in any column, the paddle in the middle of the bottom row.  Terminated
    when the ball is down: reward 1 if caught, −1 if not; 0 before.
    """

    id: str = "drl/Catch-v0"
    num_envs: int = 1
    seed: int = 0
    observation_shape: tuple[int, ...] = (10, 5, 1)
    observation_dtype: Any = np.bool_
    actions: int = 3
    reward_range: tuple[float, float] | None = (-1.0, 1.0)
    fps: float = 4.0

    def initial(self, count: int) -> np.ndarray:
        columns = self.observation_shape[1]
        ball = self.rng.integers(columns, size=count)
        return np.stack([np.zeros(count), ball, np.full(count, columns // 2)])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        height, width, _ = self.observation_shape
        moved = rows.copy()
        moved[0] += 1
        moved[2] = (moved[2] + actions - 1).clip(0, width - 1)
        down = moved[0] == height - 1
        return moved, np.where(moved[1] == moved[2], 1.0, -1.0) * down, down

    def observe(self, rows: np.ndarray) -> np.ndarray:
        ball_row, ball, paddle = rows.astype(np.int64)
        numbers = np.arange(rows.shape[1])
        board = np.zeros((len(numbers), *self.observation_shape), np.bool_)
        board[numbers, ball_row, ball] = True
        board[numbers, -1, paddle] = True
        return board

    def image(self) -> np.ndarray:
        board = self.observe(self.rows[:, :1])[0].repeat(3, axis=-1)
        return np.kron(board, np.ones((CELL, CELL, 1), np.uint8)) * np.uint8(255)


def optimal_value(rows: np.ndarray, gamma: float) -> np.ndarray:
    """V* of states (3, N) as `Catch` keeps them, each before its ball is down: (N,)."""
    height = Catch.observation_shape[0]
    left = height - 1 - rows[0]  # steps, the last of which is paid
    reachable = np.abs(rows[1] - rows[2]) <= left
    value: np.ndarray = np.where(reachable, 1.0, -1.0) * gamma ** (left - 1)
    return value
