"""A near-optimal controller of Pendulum-v1, by dynamic programming: what can be earned there."""

from __future__ import annotations

import math

import numpy as np

GAMMA = 0.99
SPEED, TORQUE, TAU = 8.0, 2.0, 0.05  # bounds of θ̇ (rad/s) and u (N m), seconds of a step


class SwingUp:
    """argmax_u r(s, u) + γ V(s′), V by value iteration on a grid of angles and speeds.

    Between the grid's points V is bilinear.

    angles, speeds, torques  points of the grid
    sweeps                   of value iteration
    """

    def __init__(
        self, angles: int = 120, speeds: int = 121, torques: int = 9, sweeps: int = 250
    ) -> None:
        self.angles, self.speeds = angles, speeds
        self.torques = np.linspace(-TORQUE, TORQUE, torques)
        theta = np.arange(angles) * (2 * math.pi / angles) - math.pi
        speed = np.linspace(-SPEED, SPEED, speeds)
        reward, following = self._after(*np.meshgrid(theta, speed, indexing="ij"))
        places = self._places(*following)
        self.value = np.zeros((angles, speeds))
        for _ in range(sweeps):
            self.value = (reward + GAMMA * self._at(places)).max(axis=0)

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """cos θ, sin θ, θ̇ (N, 3) → torques (N, 1)."""
        theta = np.arctan2(obs[:, 1], obs[:, 0]).astype(np.float64)
        reward, following = self._after(theta, obs[:, 2].astype(np.float64))
        best = (reward + GAMMA * self._at(self._places(*following))).argmax(axis=0)
        return self.torques[best].astype(np.float32)[:, None]

    def _after(
        self, theta: np.ndarray, speed: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Reward and next state for every torque: (U, …)."""
        u = self.torques.reshape(-1, *[1] * theta.ndim)
        reward = -(theta**2 + 0.1 * speed**2 + 0.001 * u**2)
        faster = np.clip(speed + (15 * np.sin(theta) + 3 * u) * TAU, -SPEED, SPEED)
        return reward, (theta + faster * TAU, faster)

    def _places(self, theta: np.ndarray, speed: np.ndarray) -> tuple[np.ndarray, ...]:
        """The grid's points below, and the shares of those above."""
        i = (theta + math.pi) / (2 * math.pi) * self.angles
        j = (speed + SPEED) / (2 * SPEED) * (self.speeds - 1)
        low_i, low_j = np.floor(i).astype(np.int64), np.minimum(j.astype(np.int64), self.speeds - 2)
        return low_i % self.angles, low_j, i - low_i, j - low_j

    def _at(self, places: tuple[np.ndarray, ...]) -> np.ndarray:
        """V there."""
        i, j, up, right = places
        v, next_i = self.value, (i + 1) % self.angles
        below = v[i, j] * (1 - up) + v[next_i, j] * up
        above = v[i, j + 1] * (1 - up) + v[next_i, j + 1] * up
        return np.asarray(below * (1 - right) + above * right)
