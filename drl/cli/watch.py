"""`drl watch RUN`: a greedy episode as an image that moves, in a file or in a window."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from drl.closing import close
from drl.display.commands import command
from drl.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from agents.evaluation import Policy

SUFFIXES = (".gif", ".mp4")


@dataclass(frozen=True)
class Config:
    """Play one greedy episode of a DQN run; write it as a GIF or MP4, or show it in a window."""

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    out: Path | None = None
    """File to write, .gif or .mp4; none: episode.gif in the run, or with --window no file."""
    window: bool = False
    """Show it in a window while it is played; Escape ends it."""
    seed: int = 7
    """Seed of the episode; never one that training used, whatever the number."""
    policy: Literal["best", "last"] = "best"
    """The best checked parameters, or those of the last checkpoint."""
    max_steps: int = 10_000
    """Agent steps after which an episode that does not end is cut."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.out is not None and self.out.suffix not in SUFFIXES:
            raise UserError(f"--out {self.out} is not possible: give a name with .gif or .mp4")
        if self.max_steps < 1:
            raise UserError(f"--max-steps {self.max_steps} is not possible: give 1 or more")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is not possible: give 0 or more")


def run(config: Config) -> dict[str, Any]:
    """Play, write the file, and give return and length."""
    from drl.cli.elsewhere import say_import, use_device_that_is_here
    from drl.cli.policy import load_policy
    from drl.cli.window import shown
    from drl.display.console import Console
    from drl.experiment.output import check_out, refused
    from drl.experiment.run import Run
    from drl.images import steady

    console = Console(quiet=config.json)
    out = config.out or (None if config.window else config.run / "episode.gif")
    if out is not None:
        check_out(out)
    with Run.open(config.run) as run:
        if run.job == "digits":
            raise UserError(
                f"{config.run} is a digits run, which has no episodes; its mistakes: "
                f"{command('board', config.run)}; its score: {command('evaluate', config.run)}"
            )
        use_device_that_is_here(run, console)
        policy = load_policy(run, config.policy)
        say_import(run.config["env"], console)
        episode = Episode(run.config["env"], policy, config)
        policy.checked(episode.env)
    title = f"{episode.id}, {config.policy} policy, one greedy episode, seed {config.seed}"
    try:
        images = steady(episode, even=out is not None and out.suffix == ".mp4")
        if config.window:
            images = shown(images, episode.fps, title)
        if out is None:
            deque(images, maxlen=0)  # played, and that is all
        else:
            (_gif if out.suffix == ".gif" else _mp4)(out, images, episode.fps)
    except OSError as error:
        raise refused(out or Path("the video"), error) from error
    finally:
        episode.close()
    result = {
        "return": episode.total,
        "length": episode.length,
        "cut": episode.cut,
        "seed": config.seed,
        "policy": config.policy,
        "out": str(out) if out else None,
    }
    console.table(
        title,
        {
            "return": f"{episode.total:.1f}",
            "length": f"{episode.length} agent steps" + " (cut)" * episode.cut,
            "video": str(out or "shown, not kept"),
        },
    )
    return result


class Episode:
    """One environment that is drawn.  Iterate for its images (H, W, 3) uint8, one for each action
    and before it; played as they are asked for, so that a long episode is never whole in memory.
    Then `total` and `length` are known.
    """

    def __init__(self, id: str, policy: Policy, config: Config) -> None:
        import envs
        from agents.dqn.build import env_seed, unseen_stream

        self.id, self.policy, self.max_steps = id, policy, config.max_steps
        self.env = envs.make(id, 1, env_seed(unseen_stream(config.seed)), drawn=True)
        self.fps = self.env.fps
        self.total, self.length, self.cut = 0.0, 0, False

    def __iter__(self) -> Iterator[np.ndarray]:
        (obs, _), ended = self.env.reset(), False
        try:
            while not ended and self.length < self.max_steps:
                yield self.env.render()
                step = self.env.step(self.policy(obs))
                obs = step.obs
                self.total += float(step.reward[0])
                self.length += 1
                if step.invalid is not None:  # it failed: what comes next is another episode
                    return
                ended = bool(step.terminated[0] or step.truncated[0])
        finally:  # also where nobody wants to see the rest
            self.cut = not ended

    def close(self) -> None:
        close(self.env)


def _gif(out: Path, images: Iterator[np.ndarray], fps: float) -> None:
    from drl.experiment.output import write_out
    from drl.images import gif

    write_out(out, gif(images, fps, colours=256))


def _mp4(out: Path, images: Iterator[np.ndarray], fps: float) -> None:
    import tempfile

    from drl.experiment.output import write_out
    from drl.extras import need

    need("video", "imageio", "imageio_ffmpeg")
    from imageio import v2

    with tempfile.TemporaryDirectory() as directory:
        video = Path(directory) / "episode.mp4"
        writer: Any = v2.get_writer(video, fps=fps, macro_block_size=2)  # even sizes: H.264
        with writer:
            for frame in images:
                writer.append_data(frame)
        write_out(out, video.read_bytes())
