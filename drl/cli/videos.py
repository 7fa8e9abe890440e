"""A greedy episode as a short film, small enough to be made while training goes on.

At most FRAMES pictures, evenly spread over the episode: whenever there are more, every second one
goes, so that the length of an episode need not be known beforehand.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from drl.closing import close
from drl.errors import EnvWarning
from drl.images import BLACK, GREY, canvas, fitted
from drl.state import shared_generators_kept

if TYPE_CHECKING:
    from agents.evaluation import Policy

FRAMES = 60
MAX_STEPS = 1_000  # agent steps after which an episode is cut
MAX_SIDE = 200  # pixels; larger pictures are thinned out to it
SECONDS = 5.0  # that a film lasts at most


class Film(NamedTuple):
    frames: np.ndarray  # (T, H, W, 3) uint8
    fps: float
    total: float  # return
    length: int  # agent steps


def film(env_id: str, policy: Policy, seed: int) -> Film:
    """One greedy episode, to its end, MAX_STEPS, or the environment's failure.

    What it draws from generators that training's own environments may use, it does not move.
    UserError where it cannot be drawn; NoPictures where it never could, or a package is missing.
    """
    import envs

    with warnings.catch_warnings(), shared_generators_kept():
        warnings.simplefilter("ignore")  # a drawing package's own affairs
        warnings.simplefilter("always", EnvWarning)
        world = envs.make(env_id, 1, seed, drawn=env_id not in SKETCHES)
        try:
            return _play(world, policy)
        finally:
            close(world)


def _play(world: Any, policy: Policy) -> Film:
    draw = SKETCHES.get(world.id, lambda world: shrunk(world.picture()))
    frames, stride, total, length, ended = [], 1, 0.0, 0, False
    obs = world.reset()
    while not ended and length < MAX_STEPS:
        if length % stride == 0:
            frames.append(draw(world))
            if len(frames) > FRAMES:
                frames, stride = frames[::2], 2 * stride
        step = world.step(policy(obs))
        obs = step.obs
        total += float(step.reward[0])
        length += 1
        ended = bool(step.terminated[0] or step.truncated[0] or step.lost is not None)
    fps = max(world.fps / stride, len(frames) / SECONDS)
    height, width = (max(frame.shape[side] for frame in frames) for side in (0, 1))
    return Film(np.stack([fitted(frame, height, width) for frame in frames]), fps, total, length)


def shrunk(picture: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side is longer than MAX_SIDE."""
    n = -(-max(picture.shape[:2]) // MAX_SIDE)
    return picture[::n, ::n]


def cartpole(world: Any) -> np.ndarray:
    """Cart and pole in lines: a hundredth of the time that Gymnasium's drawing takes.  (A whole
    training may take a second, pygame alone half of one to load.)"""
    width, height, scale = 200, 100, 40  # pixels, pixels, pixels per metre
    x, _, theta, _ = world.rows[:, 0]
    image, draw, _ = canvas(width, height)
    ground, middle = height - 20, width / 2 + x * scale
    draw.line((0, ground, width, ground), GREY)
    draw.rectangle((middle - 12, ground - 8, middle + 12, ground), BLACK)
    tip = (middle + scale * np.sin(theta), ground - 8 - scale * np.cos(theta))
    draw.line((middle, ground - 8, *tip), (200, 120, 60), 4)
    return np.asarray(image)


SKETCHES = {"CartPole-v1": cartpole}
