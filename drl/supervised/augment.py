"""More training images than there are: each is drawn anew with small changes of the hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drl.typed import check_types


@dataclass(frozen=True)
class Warp:
    """Each image seen through a random small map: out[p] = image[A (p − c) + c + t + u(p)].

    A = (1 + s) · rotation by α, with s ~ U(±scale) and α ~ U(±rotate) (degrees); t ~ U(±shift)
    (pixels) each way; u, the elastic part, is a smooth field: N(0, elastic²) pixels on a
    GRID×GRID grid, linear in between.  Simard, Steinkraus & Platt 2003.  Between pixels the image
    is interpolated bilinearly, outside it is paper (0).
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """New (B, H, W, 1) float32 images; as many random numbers whatever they show."""
        batch, height, width, _ = images.shape
        draw = rng.uniform(-1.0, 1.0, (4, batch, 1, 1)).astype(np.float32)
        angle = draw[0] * np.float32(np.radians(self.rotate))
        zoom = 1 + draw[1] * np.float32(self.scale)
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        c_row, c_col = (height - 1) / 2, (width - 1) / 2
        row = np.arange(height, dtype=np.float32)[:, None] - c_row
        col = np.arange(width, dtype=np.float32) - c_col
        # A (p − c) + c + t, as parts that depend on the row and on the column alone
        rows = (cos * row + (draw[2] * self.shift + c_row)) + sin * col
        cols = (cos * col + (draw[3] * self.shift + c_col)) - sin * row
        if self.elastic:
            u = rng.standard_normal((2, batch, GRID, GRID), np.float32) * np.float32(self.elastic)
            down, across = _hat(height), _hat(width)
            rows += down @ u[0] @ across.T
            cols += down @ u[1] @ across.T
        return _bilinear(images[..., 0], rows, cols)[..., None]


GRID = 5


def _hat(size: int) -> np.ndarray:
    """(size, GRID): row i holds the weights of linear interpolation at pixel i of the grid."""
    at = np.linspace(0, GRID - 1, size)[:, None]
    weights: np.ndarray = np.maximum(0, 1 - np.abs(at - np.arange(GRID)))
    return weights.astype(np.float32)


def _bilinear(images: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """images (B, H, W) at the real positions (rows, cols), each (B, H, W); 0 outside."""
    batch, height, width = images.shape
    stride = width + 3
    padded = np.zeros((batch, height + 3, stride), np.float32)  # paper around it
    padded[:, 1:-2, 1:-2] = images
    rows = np.minimum(np.maximum(rows + 1, 0), height + 1)
    cols = np.minimum(np.maximum(cols + 1, 0), width + 1)
    i, j = np.floor(rows), np.floor(cols)
    down, right = rows - i, cols - j
    corner = (i * stride + j).astype(np.int64)
    corner += (np.arange(batch) * padded[0].size)[:, None, None]
    flat = padded.reshape(-1)
    top = _between(flat.take(corner), flat[1:].take(corner), right)
    bottom = _between(flat[stride:].take(corner), flat[stride + 1 :].take(corner), right)
    return _between(top, bottom, down)


def _between(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """a + weight (b − a), in b's memory: the time here goes into memory, not into arithmetic."""
    b -= a
    b *= weight
    b += a
    return b
