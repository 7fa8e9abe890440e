"""The evaluations of a run: when they are due, what they make of the policy, the best so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from agents.config import ExperimentConfig
from agents.evaluation import Evaluation
from drl.rng import evaluation_seed
from drl.state import flag, number, optional, whole

CONFIRM_EPISODES = 100  # "solved" is a mean over this many
# episodes, seed of fresh environments → what the policy got there
Play = Callable[[int, int], Evaluation]


class Evaluations:
    """Every `config.eval_every` env steps the policy plays in environments of the evaluation's own,
    seeded by the run's seed and the evaluation's number."""

    def __init__(self, config: ExperimentConfig) -> None:
        self.config = config
        self.played = 0  # evaluations
        self.next = config.eval_every  # env steps
        self.best = -np.inf  # mean return
        self.last: float | None = None  # of the newest; none where none was played
        self.solved = False

    def due(self, env_steps: int) -> bool:
        """Whether it is time; the next evaluation is `eval_every` env steps later."""
        return env_steps >= self.next

    def evaluate(self, play: Play) -> tuple[Evaluation, bool]:
        """What the policy gets, and whether it is the best yet; `solved` says if that is enough.

        Where `eval_episodes` reach confirm_at (or solved_at), CONFIRM_EPISODES more decide: the
        best of many evaluations flatters itself.  Nothing has happened where `play` raises.
        """
        config, played, solved = self.config, self.played + 1, False
        result = play(config.eval_episodes, evaluation_seed(config.seed, played))
        confirm_at = config.solved_at if config.confirm_at is None else config.confirm_at
        if config.solved_at is not None and confirm_at is not None and result.mean >= confirm_at:
            played += 1
            result = play(CONFIRM_EPISODES, evaluation_seed(config.seed, played))
            solved = result.mean >= config.solved_at
        better = result.mean >= self.best  # of equals the later one: it has learnt from more
        self.played, self.solved, self.last = played, solved, result.mean
        self.best = max(self.best, result.mean)
        self.next += config.eval_every
        return result, better

    def state(self) -> dict[str, Any]:
        """All that the next evaluation depends on."""
        return {
            "played": self.played,
            "next": self.next,
            "every": self.config.eval_every,
            "best": self.best if np.isfinite(self.best) else None,
            "last": self.last,
            "solved": self.solved,
        }

    def load_state(self, state: dict[str, Any], env_steps: int) -> None:
        """ValueError where it cannot be so after so many env steps."""
        self.played = whole(state, "played")
        every = whole(state, "every", 1)
        self.next = whole(state, "next", 1, env_steps + every)
        if every != self.config.eval_every:  # the setting was changed
            self.next = (env_steps // self.config.eval_every + 1) * self.config.eval_every
        self.solved, best = flag(state, "solved"), optional(number, state, "best")
        self.best = -np.inf if best is None else best
        self.last = optional(number, state, "last")
