"""V(s) and the greedy action over a plane of the states, as images.

Where two numbers of the observation say most, a person sees in them what the agent has understood,
and how that grows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from drl.images import BLACK, canvas, enlarged, low_to_high

POINTS = 41  # along a side; odd, so that 0 is one of them
ZOOM = 4  # pixels for each
SIDE = POINTS * ZOOM
LEFT, TOP, RIGHT, BOTTOM = 62, 26, 78, 40  # pixels of margin
COLOURS = np.array(  # of actions
    [(31, 119, 180), (255, 187, 120), (44, 160, 44)], np.uint8
)  # fmt: skip


class Axis(NamedTuple):
    """One number of the observation, from `low` to `high`."""

    column: int
    low: float
    high: float
    name: str


Seen = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Plane(NamedTuple):
    """Two axes; the other numbers of the observation are 0.

    actions  their names; none: an action is one number
    seen     the observations (…, *shape) of x and y (…), where the axes are no columns of them
    """

    x: Axis
    y: Axis
    actions: tuple[str, ...] = ()
    seen: Seen | None = None


def swing_seen(angle: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """A pendulum's observations: cos θ, sin θ, θ̇."""
    return np.stack([np.cos(angle), np.sin(angle), speed], axis=-1)


CAR = Plane(
    Axis(0, -1.2, 0.6, "position"),
    Axis(1, -0.07, 0.07, "velocity"),
    ("left", "none", "right"),
)
SWING = Plane(
    Axis(0, -math.pi, math.pi, "angle (rad), 0 is upright"),
    Axis(1, -8.0, 8.0, "angular velocity (rad/s)"),
    seen=swing_seen,
)
PLANES = {
    "CartPole-v1": Plane(
        Axis(2, -0.21, 0.21, "angle (rad)"),
        Axis(3, -2.0, 2.0, "angular velocity (rad/s)"),
        ("left", "right"),
    ),
    "MountainCar-v0": CAR,  # Gymnasium's
    "drl/MountainCar-v0": CAR,  # ours
    "Pendulum-v1": SWING,
    "drl/Pendulum-v1": SWING,
    "MountainCarContinuous-v0": CAR._replace(actions=()),
    "drl/MountainCarContinuous-v0": CAR._replace(actions=()),
}


def plane_of(id: str, action_space: Any) -> Plane | None:
    """Of an environment; None where it has none, or other actions by now (a wrapper's)."""
    from gymnasium.spaces import Discrete

    plane = PLANES.get(id)
    fits = plane is not None and bool(plane.actions) == isinstance(action_space, Discrete)
    return plane if fits else None


def states(plane: Plane, size: int) -> np.ndarray:
    """(POINTS², size) observations, row by row from the top left."""
    grid = np.zeros((POINTS, POINTS, size), np.float32)
    across = np.linspace(plane.x.low, plane.x.high, POINTS)
    down = np.linspace(plane.y.high, plane.y.low, POINTS)[:, None]
    if plane.seen is not None:
        grid[:] = plane.seen(*np.broadcast_arrays(across, down))
    else:
        grid[:, :, plane.x.column], grid[:, :, plane.y.column] = across, down
    return grid.reshape(-1, size)


def value_picture(plane: Plane, v: np.ndarray) -> np.ndarray:
    """V, yellow where it is high.  v (POINTS²,): V of `states`."""
    return _scaled(plane, "V(s)", v, float(v.min()), float(v.max()))


def sure_picture(plane: Plane, p: np.ndarray) -> np.ndarray:
    """max_a π(a|s), yellow where the policy is sure.  p (POINTS², A): π(·|s) of `states`."""
    return _scaled(plane, "how sure: max π(a|s)", p.max(axis=1), 1 / p.shape[1], 1.0)


def number_picture(plane: Plane, actions: np.ndarray, low: float, high: float) -> np.ndarray:
    """The greedy action where it is one number, from `low` to `high`.  actions (POINTS²,)."""
    return _scaled(plane, "greedy action", actions, low, high)


def _scaled(plane: Plane, title: str, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers (POINTS²,) of `states`, dark at `low`, yellow at `high`."""
    values = values.reshape(POINTS, POINTS)
    bar = np.linspace(high, low, POINTS)[:, None].repeat(2, axis=1)
    return _framed(
        plane, title, low_to_high(values, low, high), low_to_high(bar, low, high),
        [(f"{high:.4g}", 0.0), (f"{(low + high) / 2:.4g}", 0.5), (f"{low:.4g}", 1.0)],
    )  # fmt: skip


def action_picture(plane: Plane, actions: np.ndarray) -> np.ndarray:
    """The greedy action, a colour for each.  actions (POINTS²,) of `states`, counted from 0."""
    best = actions.reshape(POINTS, POINTS)
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
    from PIL import Image, ImageDraw, ImageFont

    image = _frame(plane, title).copy()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    image.paste(Image.fromarray(enlarged(pixels, ZOOM)), (LEFT, TOP))
    image.paste(Image.fromarray(enlarged(bar, ZOOM)), (LEFT + SIDE + 10, TOP))
    for text, share in labels:
        at = (LEFT + SIDE + 14 + 2 * ZOOM, TOP + _within(share))
        draw.text(at, text, BLACK, font, anchor="lm")
    return np.asarray(image)


@cache
def _frame(plane: Plane, title: str) -> Any:
    """What is the same in every image: title, names of the axes, their ends."""
    image, draw, font = canvas(LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM)
    small, bottom = font(11), TOP + SIDE
    draw.text((LEFT + SIDE / 2, TOP / 2), title, BLACK, font(13), anchor="mm")
    for share, value in ((0.0, plane.x.low), (1.0, plane.x.high)):
        draw.text((LEFT + share * SIDE, bottom + 10), f"{value:g}", BLACK, small, anchor="mm")
    for share, value in ((0.0, plane.y.high), (1.0, plane.y.low)):
        draw.text((LEFT - 5, TOP + _within(share)), f"{value:g}", BLACK, small, anchor="rm")
    draw.text((LEFT + SIDE / 2, bottom + 28), plane.x.name, BLACK, small, anchor="mm")
    sideways, ink, _ = canvas(SIDE, 16)
    ink.text((SIDE / 2, 8), plane.y.name, BLACK, small, anchor="mm")
    image.paste(sideways.rotate(90, expand=True), (4, TOP))
    return image


def _within(share: float) -> float:
    """Pixels from the top of the plane at which a line of text still stands beside it."""
    return min(max(share * SIDE, 6), SIDE - 6)
