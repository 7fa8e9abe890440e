"""Settings of a training in environments, whichever agent learns there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drl.experiment.config import RunConfig
from drl.settings import require

MOST_STEPS = 27_000  # agent steps of an episode: half an hour of Atari, the longest clock of ours


@dataclass(frozen=True)
class ExperimentConfig(RunConfig):
    """How long, in how many environments, and how what is learnt is evaluated and kept.

    UserError on values that cannot be.
    """

    # -- budget -------------------------------------------------------------------------------
    steps: int = 100_000
    """Most env steps to train for (one step of one environment is 1)."""
    num_envs: int = 16
    """Environments stepped side by side."""
    env_workers: int = 0
    """Processes that step Gymnasium's training environments, to the same bytes; it pays where a
    step takes 0.2 ms or more.  0: the run's own."""
    channels: Literal["first", "last"] | None = None
    """Whether the pictures that a Gymnasium environment shows have their channels first or last;
    none: found by their shape."""

    # -- evaluation ---------------------------------------------------------------------------
    eval_every: int = 5_000
    """Env steps between two greedy evaluations."""
    eval_episodes: int = 10
    """Episodes of an evaluation."""
    eval_envs: int | None = None
    """Environments of an evaluation, besides those of the training; none: one for each episode, at
    most 100.  0: the training's own, whose episodes begin anew after it (for a simulator of which
    only one may be open: with --num-envs 1)."""
    eval_max_steps: int = MOST_STEPS
    """Agent steps after which an episode of an evaluation is cut, and scored by what it earned."""
    solved_at: float | None = None
    """Stop once the mean return of 100 greedy episodes reaches this; none trains all steps."""
    confirm_at: float | None = None
    """An evaluation must reach this before 100 episodes are spent on confirming it; none:
    solved_at."""

    # -- curves, checkpoints, output -------------------------------------------------------------
    log_every: int | None = None
    """Env steps between two points of the learning curves; none: 250, or a 400th of all steps."""
    checkpoint_every: int = 10_000
    """Env steps between two checkpoints."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "num_envs", "eval_every", "eval_episodes", "eval_max_steps"):
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        require("env_workers", self.env_workers, self.env_workers >= 0, "0 or more")
        require("channels", self.channels, self.channels in (None, "first", "last"),
                "first or last")  # fmt: skip
        envs, every = self.eval_envs, self.log_every
        require("eval_envs", envs, envs is None or envs >= 0, "0 or more")
        require("log_every", every, every is None or every >= 1, "1 env step or more")
        require("checkpoint_every", self.checkpoint_every, self.checkpoint_every >= 1,
                "1 env step or more")  # fmt: skip

    @property
    def logged_every(self) -> int:
        """Env steps between two points of the curves, also where it was left open."""
        return self.log_every or max(250, self.steps // 400)
