"""A greedy episode as a short video, small enough to be made while training goes on.

At most FRAMES images, evenly spread over the episode: whenever there are more, every second one
goes, so that the length of an episode need not be known beforehand.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from agents.player import Act, Policy, player_of
from drl.closing import close
from drl.environment import EnvFactory, LastImage, VectorEnv
from drl.errors import EnvWarning
from drl.images import fitted
from drl.state import shared_generators_kept

FRAMES = 60
MAX_STEPS = 1_000  # agent steps after which an episode is cut
MAX_SIDE = 200  # pixels; larger images are thinned out to it
SECONDS = 5.0  # that a video lasts at most


class Video(NamedTuple):
    frames: np.ndarray  # (T, H, W, 3) uint8
    fps: float
    total: float  # return
    length: int  # agent steps


def video(
    factory: EnvFactory, policy: Policy | Act, seed: int, max_steps: int = MAX_STEPS
) -> Video:
    """One greedy episode, to its end, `max_steps`, or the environment's failure.

    An environment with `sketch()` is drawn by that, a fraction of the cost of its `render()`.  What
    it draws from generators that training's own environments may use, it does not move.

    UserError where it cannot be drawn; NoPictures where it never could, or a package is missing.
    """
    with warnings.catch_warnings(), shared_generators_kept():
        warnings.simplefilter("ignore")  # a drawing package's own affairs
        warnings.simplefilter("always", EnvWarning)
        env = factory(num_envs=1, seed=seed, drawn=True)
        try:
            return _play(env, policy, max_steps)
        finally:
            close(env)


def _play(env: VectorEnv, policy: Policy | Act, max_steps: int) -> Video:
    draw = getattr(env, "sketch", lambda: shrunk(env.render()))
    frames, stride, total, length, ended = [], 1, 0.0, 0, False
    obs, info = env.reset()
    player = player_of(policy, 1)
    mask = info.get("action_mask")
    last = LastImage(env, draw)
    while not ended and length < max_steps:
        if length % stride == 0:
            frames.append(draw())
            if len(frames) > FRAMES:
                frames, stride = frames[::2], 2 * stride
        step = env.step(player.act(obs, mask))
        obs, mask = step.obs, step.mask
        total += float(step.reward[0])
        length += 1
        ended = bool(step.terminated[0] or step.truncated[0] or step.invalid is not None)
    frames += last.images if ended else [draw()]
    fps = max(env.fps / stride, len(frames) / SECONDS)
    height, width = (max(frame.shape[side] for frame in frames) for side in (0, 1))
    return Video(np.stack([fitted(frame, height, width) for frame in frames]), fps, total, length)


def shrunk(image: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side is longer than MAX_SIDE."""
    n = -(-max(image.shape[:2]) // MAX_SIDE)
    return image[::n, ::n]
