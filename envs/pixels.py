"""CartPole seen as images: the same physics, the same rewards; speeds only between two images.

An image is cart and pole in grey, ±2.4 m wide.  Both are drawn once for each angle and fraction of
a pixel that can be told apart, each pixel's grey the share of it that is covered; a step copies.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from envs.cartpole import HALF_LENGTH, X_LIMIT, CartPole

HEIGHT, WIDTH = 24, 80  # pixels
SCALE = WIDTH / (2 * X_LIMIT)  # pixels per metre
CART_HEIGHT, CART_WIDTH, POLE_WIDTH = 4.0, 8.0, 1.5  # pixels
REACH = 12  # pixels drawn to either side of the cart's middle, enough for the pole at 30°
ANGLES = np.radians(np.linspace(-30.0, 30.0, 241))  # a quarter of a degree apart
FRACTIONS = 4  # of a pixel, for the cart's position
ZOOM = 8  # in a video
FINE = 8  # samples along a pixel's side


class CartPolePixels(CartPole):
    """Rows: the cart's four, then position and angle one step ago.

    Observations (24, 80, 2) uint8: the image before, and now; twice the same at the start.
    All else is CartPole's.
    """

    id = "drl/CartPolePixels-v1"
    observation_space = Box(0, 255, (HEIGHT, WIDTH, 2), np.uint8)
    frame_stack = 2

    def initial(self, count: int) -> np.ndarray:
        now = super().initial(count)
        return np.concatenate([now, now[[0, 2]]])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        moved, reward, terminated = super().advance(rows[:4], actions)
        return np.concatenate([moved, rows[[0, 2]]]), reward, terminated

    def observe(self, rows: np.ndarray) -> np.ndarray:
        x, theta = rows[[4, 0]], rows[[5, 2]]  # before, now: (2, N)
        return np.moveaxis(draw(x.ravel(), theta.ravel()).reshape(2, -1, HEIGHT, WIDTH), 0, -1)

    def render(self) -> np.ndarray:
        """What the agent sees now, enlarged."""
        return self._shown(ZOOM)

    def sketch(self) -> np.ndarray:
        """What the agent sees now, small enough for a video of a training."""
        return self._shown(2)

    def _shown(self, zoom: int) -> np.ndarray:
        now = self.observe(self.rows[:, :1])[0, :, :, -1:].repeat(3, axis=-1)
        return now.repeat(zoom, axis=0).repeat(zoom, axis=1)


def draw(x: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Images of carts at x (m) with poles at θ (rad, 0 is upright): (N,) → (N, 24, 80) uint8."""
    table = sprites()
    middle = ((x + X_LIMIT) * SCALE * FRACTIONS).astype(np.int64)  # in fractions of a pixel
    middle = middle.clip(0, WIDTH * FRACTIONS - 1)
    step = ANGLES[1] - ANGLES[0]
    angle = np.rint((theta - ANGLES[0]) / step).astype(np.int64).clip(0, len(ANGLES) - 1)
    canvas = np.zeros((len(x), HEIGHT, WIDTH + 2 * REACH), np.uint8)
    pixel, fraction = middle // FRACTIONS, middle % FRACTIONS
    cells = zip(pixel.tolist(), angle.tolist(), fraction.tolist(), strict=True)
    for image, (column, a, f) in zip(canvas, cells, strict=True):
        image[:, column : column + 2 * REACH + 1] = table[a, f]
    return canvas[:, :, REACH:-REACH]


@cache
def sprites() -> np.ndarray:
    """Cart and pole around column REACH: (angles, fractions, 24, 25) uint8."""
    u = (np.arange((2 * REACH + 1) * FINE) + 0.5) / FINE - REACH  # pixels right of the cart's pixel
    v = HEIGHT - (np.arange(HEIGHT * FINE) + 0.5) / FINE  # pixels above the ground
    up = v[:, None] - CART_HEIGHT  # above the hinge
    table = np.empty((len(ANGLES), FRACTIONS, HEIGHT, 2 * REACH + 1), np.uint8)
    for f in range(FRACTIONS):
        right = u - (f + 0.5) / FRACTIONS
        cart = (np.abs(right) <= CART_WIDTH / 2) & (up <= 0)
        for a, theta in enumerate(ANGLES):
            along = right * np.sin(theta) + up * np.cos(theta)
            across = right * np.cos(theta) - up * np.sin(theta)
            pole = (along >= 0) & (along <= 2 * HALF_LENGTH * SCALE)
            pole &= np.abs(across) <= POLE_WIDTH / 2
            covered = (0.5 * cart + pole).clip(0, 1)
            table[a, f] = covered.reshape(HEIGHT, FINE, -1, FINE).mean(axis=(1, 3)) * 255
    return table
