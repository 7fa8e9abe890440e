"""An episode as images, in a file or one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from agents.policy import SavedPolicy
from drl.api.env import checked
from drl.closing import close
from drl.environment import EnvFactory, LastImage
from drl.experiment.output import refused, write_out
from drl.extras import need
from drl.images import gif
from drl.rng import unseen_seed

MAX_STEPS = 10_000  # agent steps after which an episode that does not end is cut


class Episode:
    """One greedy episode that is drawn, in an environment that no training has used.

    Iterate for its images (H, W, 3) uint8, one before each action and one after the last, where the
    environments can show their end; played as they are asked for, so that a long episode is never
    whole in memory.  `total` and `length` are known at its end.

    UserError where the environment is not the policy's.
    """

    def __init__(
        self, policy: SavedPolicy, factory: EnvFactory, seed: int = 7,
        max_steps: int = MAX_STEPS, where: str = "the policy",
    ) -> None:  # fmt: skip
        self.policy, self.max_steps = policy, max_steps
        made = factory(num_envs=1, seed=unseen_seed(seed), drawn=True)
        self.env = checked(policy, where, made)
        self.id, self.fps = self.env.id, self.env.fps
        self.total, self.length, self.cut = 0.0, 0, False

    def __iter__(self) -> Iterator[np.ndarray]:
        ended = False
        obs, info = self.env.reset()
        player = self.policy.player(1)
        mask = info.get("action_mask")
        last = LastImage(self.env, self.env.render)
        try:
            while not ended and self.length < self.max_steps:
                yield self.env.render()
                step = self.env.step(player.act(obs, mask))
                obs, mask = step.obs, step.mask
                self.total += float(step.reward[0])
                self.length += 1
                if step.invalid is not None:  # it failed: what comes next is another episode
                    return
                ended = bool(step.terminated[0] or step.truncated[0])
            yield from last.images if ended else [self.env.render()]
        finally:  # also where nobody wants to see the rest
            self.cut = not ended

    def close(self) -> None:
        """Its environment."""
        close(self.env)


def write(out: Path, images: Iterator[np.ndarray], fps: float) -> None:
    """A .gif or .mp4.   UserError where the disk will not have it, or a package is missing."""
    try:
        if out.suffix == ".gif":
            write_out(out, gif(images, fps, colours=256))
        else:
            _mp4(out, images, fps)
    except OSError as error:
        raise refused(out, error) from error


def _mp4(out: Path, images: Iterator[np.ndarray], fps: float) -> None:
    need("video", "imageio", "imageio_ffmpeg")
    from imageio import v2

    with tempfile.TemporaryDirectory() as directory:
        video = Path(directory) / "episode.mp4"
        writer: Any = v2.get_writer(video, fps=fps, macro_block_size=2)  # even sizes: H.264
        with writer:
            for frame in images:
                writer.append_data(frame)
        write_out(out, video.read_bytes())
