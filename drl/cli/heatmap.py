"""V(s) = max_a Q(s, a) and argmax_a Q(s, a) over a plane of the states, as pictures.

Where two numbers of the observation say most, a person sees in them what the agent has understood,
and how that grows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drl.pictures import BLACK, canvas, enlarged, low_to_high

POINTS = 41  # along a side; odd, so that 0 is one of them
ZOOM = 5  # pixels for each
LEFT, TOP, RIGHT, BOTTOM = 62, 26, 84, 40  # pixels of margin
COLOURS = np.array(  # of actions
    [(31, 119, 180), (255, 187, 120), (44, 160, 44)], np.uint8
)  # fmt: skip


class Axis(NamedTuple):
    """One number of the observation, from `low` to `high`."""

    column: int
    low: float
    high: float
    name: str


class Plane(NamedTuple):
    """Two axes; the other numbers of the observation are 0."""

    x: Axis
    y: Axis
    actions: tuple[str, ...]


PLANES = {
    "CartPole-v1": Plane(
        Axis(2, -0.21, 0.21, "angle (rad)"),
        Axis(3, -2.0, 2.0, "angular velocity (rad/s)"),
        ("left", "right"),
    ),
    "MountainCar-v0": Plane(
        Axis(0, -1.2, 0.6, "position"),
        Axis(1, -0.07, 0.07, "velocity"),
        ("left", "none", "right"),
    ),
}


def states(plane: Plane, size: int) -> np.ndarray:
    """(POINTS², size) observations, row by row from the top left."""
    grid = np.zeros((POINTS, POINTS, size), np.float32)
    grid[:, :, plane.x.column] = np.linspace(plane.x.low, plane.x.high, POINTS)
    grid[:, :, plane.y.column] = np.linspace(plane.y.high, plane.y.low, POINTS)[:, None]
    return grid.reshape(-1, size)


def value_picture(plane: Plane, q: np.ndarray) -> np.ndarray:
    """V, yellow where it is high.  q (POINTS², A): Q of `states`."""
    v = q.max(axis=1).reshape(POINTS, POINTS)
    low, high = float(v.min()), float(v.max())
    bar = np.linspace(high, low, POINTS)[:, None].repeat(2, axis=1)
    return _framed(
        plane, "V(s)", low_to_high(v, low, high), low_to_high(bar, low, high),
        [(f"{high:.4g}", 0.0), (f"{(low + high) / 2:.4g}", 0.5), (f"{low:.4g}", 1.0)],
    )  # fmt: skip


def action_picture(plane: Plane, q: np.ndarray) -> np.ndarray:
    """The greedy action, a colour for each."""
    best = q.argmax(axis=1).reshape(POINTS, POINTS)
    count = len(plane.actions)
    rows = np.arange(POINTS) * count // POINTS  # the legend: a band for each action
    bar = COLOURS[rows][:, None].repeat(2, axis=1)
    labels = [(name, (k + 0.5) / count) for k, name in enumerate(plane.actions)]
    return _framed(plane, "greedy action", COLOURS[best], bar, labels)


def _framed(
    plane: Plane, title: str, pixels: np.ndarray, bar: np.ndarray,
    labels: list[tuple[str, float]],
) -> np.ndarray:  # fmt: skip
    """pixels (POINTS, POINTS, 3) with axes; bar (POINTS, w, 3) with labels from 0, top, to 1."""
    from PIL import Image

    side = POINTS * ZOOM
    image, draw, font = canvas(LEFT + side + RIGHT, TOP + side + BOTTOM)
    image.paste(Image.fromarray(enlarged(pixels, ZOOM)), (LEFT, TOP))
    image.paste(Image.fromarray(enlarged(bar, ZOOM)), (LEFT + side + 10, TOP))
    small, right, bottom = font(11), LEFT + side, TOP + side
    draw.text((LEFT + side / 2, TOP / 2), title, BLACK, font(13), anchor="mm")
    for text, share in labels:
        at = TOP + min(max(share * side, 6), side - 6)
        draw.text((right + 14 + 2 * ZOOM, at), text, BLACK, small, anchor="lm")
    for share, value in ((0.0, plane.x.low), (1.0, plane.x.high)):
        draw.text((LEFT + share * side, bottom + 10), f"{value:g}", BLACK, small, anchor="mm")
    for share, value in ((0.0, plane.y.high), (1.0, plane.y.low)):
        at = TOP + min(max(share * side, 6), side - 6)
        draw.text((LEFT - 5, at), f"{value:g}", BLACK, small, anchor="rm")
    draw.text((LEFT + side / 2, bottom + 28), plane.x.name, BLACK, small, anchor="mm")
    sideways, ink, _ = canvas(side, 16)
    ink.text((side / 2, 8), plane.y.name, BLACK, small, anchor="mm")
    image.paste(sideways.rotate(90, expand=True), (4, TOP))
    return np.asarray(image)
