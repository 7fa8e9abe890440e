"""Catch: a ball falls, a paddle has to be under it.   Osband et al. 2020 (bsuite), after Mnih 2014.

V*(s) = ±γ^(k−1), k the steps until the ball is down: + where the paddle can still be there
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.numpy_env import NumpyEnv

HEIGHT, WIDTH = 10, 5  # cells
CELL = 32  # pixels, in a video


class Catch(NumpyEnv):
    """Rows: the ball's row and column, the paddle's column, on a board of 10 × 5.

    Observations (10, 5, 1) bool: ball and paddle.  Actions: 0 left, 1 stay, 2 right.  The ball
    starts in the top row in any column, the paddle in the middle of the bottom row.  Terminated
    when the ball is down: reward 1 if caught, −1 if not; 0 before.
    """

    id = "drl/Catch-v0"
    observation_space = Box(0, 1, (HEIGHT, WIDTH, 1), np.bool_)
    action_space = Discrete(3)
    reward_range = (-1.0, 1.0)
    fps = 4.0

    def initial(self, count: int) -> np.ndarray:
        ball = self.rng.integers(WIDTH, size=count)
        return np.stack([np.zeros(count), ball, np.full(count, WIDTH // 2)])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved = rows.copy()
        moved[0] += 1
        moved[2] = (moved[2] + actions - 1).clip(0, WIDTH - 1)
        down = moved[0] == HEIGHT - 1
        return moved, np.where(moved[1] == moved[2], 1.0, -1.0) * down, down

    def observe(self, rows: np.ndarray) -> np.ndarray:
        ball_row, ball, paddle = rows.astype(np.int64)
        numbers = np.arange(rows.shape[1])
        board = np.zeros((len(numbers), HEIGHT, WIDTH, 1), np.bool_)
        board[numbers, ball_row, ball] = True
        board[numbers, -1, paddle] = True
        return board

    def render(self) -> np.ndarray:
        board = self.observe(self.rows[:, :1])[0].repeat(3, axis=-1)
        return np.kron(board, np.ones((CELL, CELL, 1), np.uint8)) * np.uint8(255)


def optimal_value(rows: np.ndarray, gamma: float) -> np.ndarray:
    """V* of states (3, N) as `Catch` keeps them, each before its ball is down: (N,)."""
    left = HEIGHT - 1 - rows[0]  # steps, the last of which is paid
    reachable = np.abs(rows[1] - rows[2]) <= left
    value: np.ndarray = np.where(reachable, 1.0, -1.0) * gamma ** (left - 1)
    return value
