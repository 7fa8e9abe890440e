"""The greedy checks of a run: when they are due, what they make of the policy, the best so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from agents.build import check_stream, env_seed
from agents.config import DQNConfig
from agents.evaluation import Evaluation
from drl.state import flag, number, optional, whole

CONFIRM_EPISODES = 100  # "solved" is a mean over this many
# episodes, seed of fresh worlds → what the policy got there
Play = Callable[[int, int], Evaluation]


class Checks:
    """Every `config.eval_every` env steps the greedy policy plays in fresh worlds.

    seed  the run's: every check has worlds of its own
    """

    def __init__(self, config: DQNConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self.played = 0  # evaluations
        self.next = config.eval_every  # env steps
        self.best = -np.inf  # mean return
        self.last: float | None = None  # of the newest; none where none was played
        self.solved = False

    def due(self, env_steps: int) -> bool:
        """Whether it is time; the next one is then so many env steps later."""
        if env_steps < self.next:
            return False
        self.next += self.config.eval_every
        return True

    def check(self, play: Play) -> tuple[Evaluation, bool]:
        """What the policy gets, and whether it is the best yet; `solved` says if that is enough.

        Where `eval_episodes` reach confirm_at (or solved_at), CONFIRM_EPISODES more decide: the
        best of many checks flatters itself.
        """
        config = self.config
        result, self.solved = self._evaluate(play, config.eval_episodes), False
        confirm_at = config.solved_at if config.confirm_at is None else config.confirm_at
        if config.solved_at is not None and confirm_at is not None and result.mean >= confirm_at:
            result = self._evaluate(play, CONFIRM_EPISODES)
            self.solved = result.mean >= config.solved_at
        better = result.mean >= self.best  # of equals the later one: it has learnt from more
        self.best, self.last = max(self.best, result.mean), result.mean
        return result, better

    def _evaluate(self, play: Play, episodes: int) -> Evaluation:
        self.played += 1
        return play(episodes, env_seed(check_stream(self.seed, self.played)))

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
