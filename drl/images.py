"""What drawings share: a canvas with a font, tiles side by side, colours for numbers.

Images are uint8 (H, W, 3).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

WHITE, BLACK, GREY, RED = (255, 255, 255), (0, 0, 0), (120, 120, 120), (200, 0, 0)
GAP = 3  # pixels between tiles
VIDEOS = (".gif", ".mp4")  # what an episode is written as
# from low to high, each step lighter, so that it can be read without colours too
SCALE = np.array([(13, 27, 74), (52, 76, 165), (48, 148, 150), (140, 204, 100), (253, 231, 76)])


def canvas(width: int, height: int) -> tuple[Any, Any, Any]:
    """White, something to draw on it with, and the font by its size.  (Pillow, when needed.)"""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, height), WHITE)
    return image, ImageDraw.Draw(image), ImageFont.load_default


def gif(images: Iterable[np.ndarray], fps: float, colours: int) -> bytes:
    """Images (H, W, 3), `fps` of them a second, as a video that repeats."""
    from PIL import Image

    # hundredths of a second are all a GIF knows, and browsers slow down what is below two
    duration = max(20, round(100 / fps) * 10)  # ms
    octree = Image.Quantize.FASTOCTREE  # the default, median cut, takes four times as long
    frames = (Image.fromarray(image).quantize(colours, octree) for image in images)
    file = io.BytesIO()
    next(frames).save(file, "GIF", save_all=True, append_images=frames, duration=duration, loop=0)
    return file.getvalue()


def fitted(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image (h, w, 3) as (height, width, 3): black around a smaller one, of a larger one
    every n-th pixel."""
    if image.shape[:2] == (height, width):
        return image
    n = max(-(-image.shape[0] // height), -(-image.shape[1] // width))
    inside = image[::n, ::n]
    frame = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inside.shape[0]) // 2, (width - inside.shape[1]) // 2
    frame[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return frame


def steady(images: Iterable[np.ndarray], even: bool = False) -> Iterator[np.ndarray]:
    """All of the first one's size, rounded up to even numbers where a video needs them."""
    size: tuple[int, int] | None = None
    for image in images:
        if size is None:
            height, width = image.shape[:2]
            size = (height + height % 2, width + width % 2) if even else (height, width)
        yield fitted(image, *size)


def tiled(tiles: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, 3) side by side in rows of `columns`, a light grey line between them."""
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (GAP + rows * (height + GAP), GAP + columns * (width + GAP), 3)
    sheet = np.full(size, 220, np.uint8)
    for n, tile in enumerate(tiles):
        top = GAP + n // columns * (height + GAP)
        left = GAP + n % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def enlarged(pixels: np.ndarray, zoom: int) -> np.ndarray:
    """(…, H, W, C): each pixel a square of `zoom`."""
    return pixels.repeat(zoom, axis=-3).repeat(zoom, axis=-2)


def red_and_blue(values: np.ndarray) -> np.ndarray:
    """(…) → (…, 3): red above 0, blue below, stronger is further; white is 0."""
    share = values / max(float(np.abs(values).max()), 1e-12)
    fade = 255 * (1 - np.abs(share))
    red, blue = np.where(share < 0, fade, 255), np.where(share > 0, fade, 255)
    return np.stack([red, fade, blue], axis=-1).astype(np.uint8)


def low_to_high(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(…) → (…, 3): dark blue at `low`, yellow at `high`."""
    at = np.clip((values - low) / max(high - low, 1e-12), 0, 1) * (len(SCALE) - 1)
    steps = np.arange(len(SCALE))
    channels = [np.interp(at, steps, channel) for channel in SCALE.T]
    return np.stack(channels, axis=-1).astype(np.uint8)
