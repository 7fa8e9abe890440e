"""The greedy evaluations of a run: when they are due, what they make of the policy, the best so
far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from agents.dqn.build import env_seed, evaluation_stream
from agents.dqn.config import DQNConfig
from agents.evaluation import Evaluation
from drl.state import flag, number, optional, whole

CONFIRM_EPISODES = 100  # "solved" is a mean over this many
# episodes, seed of fresh environments → what the policy got there
Play = Callable[[int, int], Evaluation]


class Evaluations:
    """Every `config.eval_every` env steps the greedy policy plays in fresh environments.

    seed  the run's: every check has environments of its own
    """

    def __init__(self, config: DQNConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self.played = 0  # evaluations
        self.next = config.eval_every  # env steps
        self.best = -np.inf  # mean return
        self.last: float | None = None  # of the newest; none where none was played
        self.solved = False

    def due(self, env_steps: int) -> bool:
        """Whether it is time; after a check the next one is so many env steps later."""
        return env_steps >= self.next

    def check(self, play: Play) -> tuple[Evaluation, bool]:
        """What the policy gets, and whether it is the best yet; `solved` says if that is enough.

        Where `eval_episodes` reach confirm_at (or solved_at), CONFIRM_EPISODES more decide: the
        best of many checks flatters itself.  Nothing has happened where `play` does not return.
        """
        config, played, solved = self.config, self.played + 1, False
        result = play(config.eval_episodes, self._stream(played))
        confirm_at = config.solved_at if config.confirm_at is None else config.confirm_at
        if config.solved_at is not None and confirm_at is not None and result.mean >= confirm_at:
            played += 1
            result = play(CONFIRM_EPISODES, self._stream(played))
            solved = result.mean >= config.solved_at
        better = result.mean >= self.best  # of equals the later one: it has learnt from more
        self.played, self.solved, self.last = played, solved, result.mean
        self.best = max(self.best, result.mean)
        self.next += config.eval_every
        return result, better

    def _stream(self, number: int) -> int:
        """The seed of an evaluation's environments."""
        return env_seed(evaluation_stream(self.seed, number))

    def state(self) -> dict[str, Any]:
        """All that the next check depends on."""
        return {
            "checks": self.played,
            "next_check": self.next,
            "best": self.best if np.isfinite(self.best) else None,
            "last": self.last,
            "solved": self.solved,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is none of ours."""
        self.played, self.next = whole(state, "checks"), whole(state, "next_check", low=1)
        self.solved, best = flag(state, "solved"), optional(number, state, "best")
        self.best = -np.inf if best is None else best
        self.last = optional(number, state, "last")
