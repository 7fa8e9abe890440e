"""A greedy episode as a short video, small enough to be made while training goes on.

At most FRAMES images, evenly spread over the episode: whenever there are more, every second one
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
MAX_SIDE = 200  # pixels; larger images are thinned out to it
SECONDS = 5.0  # that a video lasts at most


class Video(NamedTuple):
    frames: np.ndarray  # (T, H, W, 3) uint8
    fps: float
    total: float  # return
    length: int  # agent steps


def video(env_id: str, policy: Policy, seed: int) -> Video:
    """One greedy episode, to its end, MAX_STEPS, or the environment's failure.

    What it draws from generators that training's own environments may use, it does not move.
    UserError where it cannot be drawn; NoPictures where it never could, or a package is missing.
    """
    import envs

    with warnings.catch_warnings(), shared_generators_kept():
        warnings.simplefilter("ignore")  # a drawing package's own affairs
        warnings.simplefilter("always", EnvWarning)
        env = envs.make(env_id, 1, seed, drawn=env_id not in SKETCHES)
        try:
            return _play(env, policy)
        finally:
            close(env)


def _play(env: Any, policy: Policy) -> Video:
    draw = SKETCHES.get(env.id, lambda env: shrunk(env.render()))
    frames, stride, total, length, ended = [], 1, 0.0, 0, False
    obs, _ = env.reset()
    while not ended and length < MAX_STEPS:
        if length % stride == 0:
            frames.append(draw(env))
            if len(frames) > FRAMES:
                frames, stride = frames[::2], 2 * stride
        step = env.step(policy(obs))
        obs = step.obs
        total += float(step.reward[0])
        length += 1
        ended = bool(step.terminated[0] or step.truncated[0] or step.invalid is not None)
    fps = max(env.fps / stride, len(frames) / SECONDS)
    height, width = (max(frame.shape[side] for frame in frames) for side in (0, 1))
    return Video(np.stack([fitted(frame, height, width) for frame in frames]), fps, total, length)


def shrunk(image: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side is longer than MAX_SIDE."""
    n = -(-max(image.shape[:2]) // MAX_SIDE)
    return image[::n, ::n]


def cartpole(env: Any) -> np.ndarray:
    """Cart and pole in lines: a hundredth of the time that Gymnasium's drawing takes.  (A whole
    training may take a second, pygame alone half of one to load.)"""
    width, height, scale = 200, 100, 40  # pixels, pixels, pixels per metre
    x, _, theta, _ = env.rows[:, 0]
    image, draw, _ = canvas(width, height)
    ground, middle = height - 20, width / 2 + x * scale
    draw.line((0, ground, width, ground), GREY)
    draw.rectangle((middle - 12, ground - 8, middle + 12, ground), BLACK)
    tip = (middle + scale * np.sin(theta), ground - 8 - scale * np.cos(theta))
    draw.line((middle, ground - 8, *tip), (200, 120, 60), 4)
    return np.asarray(image)


SKETCHES = {"CartPole-v1": cartpole}
