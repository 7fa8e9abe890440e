"""`drl watch RUN`: a greedy episode as an image that moves, in a file or in a window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from drl.errors import UserError
from drl.settings import require


@dataclass(frozen=True)
class Config:
    """Play one greedy episode of a run or a policy file; write it as a GIF or MP4, or show it in a
    window."""

    run: tyro.conf.Positional[Path]
    """Directory of the run, a policy's file, or a checkpoint of a run."""
    out: Path | None = None
    """File to write, .gif or .mp4; none: episode.gif in the run, or with --window no file."""
    window: bool = False
    """Show it in a window while it is played; Escape ends it."""
    seed: int = 7
    """Seed of the episode; never one that training used, whatever the number."""
    policy: Literal["best", "last"] = "best"
    """The parameters of the best evaluation, or of the last checkpoint."""
    max_steps: int | None = None
    """Agent steps after which an episode that does not end is cut; none: as the run's evaluations
    cut it, after 10,000 at most."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        from drl.images import VIDEOS

        if self.out is not None and self.out.suffix not in VIDEOS:
            raise UserError(f"--out {self.out} is not possible: give a name with .gif or .mp4")
        most = self.max_steps
        require("max_steps", most, most is None or most >= 1, "1 or more")
        require("seed", self.seed, self.seed >= 0, "0 or more")


def run(config: Config) -> dict[str, Any]:
    """Play, write the file, and give return and length."""
    from drl.api.runs import opened
    from drl.api.watch import write
    from drl.cli.console import CommandConsole
    from drl.cli.window import shown
    from drl.experiment.output import check_out
    from drl.experiment.tracebacks import tracebacks_kept
    from drl.images import steady
    from drl.numbers import score

    console = CommandConsole(quiet=config.json)
    home = config.run if config.run.is_dir() else Path()
    out = config.out or (None if config.window else home / "episode.gif")
    if out is not None:
        check_out(out)
    found = opened(config.run, console)
    with tracebacks_kept(found.home):
        episode = found.episode(config.seed, config.policy, config.max_steps)
        policy = found.named(config.policy)
        title = f"{episode.id}, {policy} policy, one greedy episode, seed {config.seed}"
        try:
            images = steady(episode, even=out is not None and out.suffix == ".mp4")
            if config.window:
                images = shown(images, episode.fps, title)
            if out is None:
                deque(images, maxlen=0)  # played, and that is all
            else:
                write(out, images, episode.fps)
        finally:
            episode.close()
    result = {
        "return": episode.total,
        "length": episode.length,
        "cut": episode.cut,
        "seed": config.seed,
        "policy": policy,
        "out": str(out) if out else None,
    }
    console.table(
        title,
        {
            "return": score(episode.total),
            "length": f"{episode.length} agent steps" + " (cut)" * episode.cut,
            "video": str(out or "shown, not kept"),
        },
    )
    return result
