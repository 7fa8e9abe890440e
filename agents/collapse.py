"""A warning that the policy has lost what it had learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.evaluation import Evaluation
from agents.task import RLTask
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Evaluated
from drl.numbers import score
from drl.state import number, optional, whole

PATIENCE = 3  # evaluations in a row
CHANCE = 3.0  # standard errors: a difference within them may be the luck of the episodes


class Collapse(Callback):
    """Warns, once, where more than half of what was learnt is gone, and not by chance, PATIENCE
    evaluations in a row; and once more where it is back.

        mean < ½(best + floor)   and   best − mean > 3 √(σ²_best/n + σ²/n)

    The floor is what the run earned exploring until its first evaluation, about what random
    actions earn: half of the best itself means nothing where returns may be negative.
    """

    def __init__(self, task: RLTask) -> None:
        self.task = task
        self.low = 0  # evaluations in a row; PATIENCE and more: the policy has collapsed
        self.floor: float | None = None  # what exploring earned by the first evaluation
        self.best, self.best_error = -np.inf, 0.0  # of the evaluations so far

    @property
    def collapsed(self) -> bool:
        """Whether the policy has lost what it had learnt, and not found it again."""
        return self.low >= PATIENCE

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> None:
        """Warns where it has to."""
        if text := self.see(evaluated.result, self.task.episodes.mean()):
            experiment.warn(text)
        self.task.collapsed = self.collapsed

    def see(self, result: Evaluation, exploring: float) -> str | None:
        """What is to be said of an evaluation; the first that is not low takes a collapse back.

        exploring  mean return of the last exploring episodes; NaN where none has ended
        """
        mean, error = result.mean, float(result.returns.std() / np.sqrt(len(result.returns)))
        if self.floor is None:
            self.floor = exploring if np.isfinite(exploring) else mean
        fall = self.best - mean
        learnt = self.best - self.floor
        chance = CHANCE * np.hypot(error, self.best_error)
        low = learnt > 0 and fall > learnt / 2 and fall > chance
        before = self.collapsed
        self.low = self.low + 1 if low else 0
        if mean >= self.best:
            self.best, self.best_error = mean, error
        if self.low == PATIENCE:
            return (
                f"the policy has collapsed: {score(mean)} in the last of {PATIENCE} low "
                f"evaluations, after a best of {score(self.best)}, where exploring began at "
                f"{score(self.floor)}; the best is kept (drl evaluate scores it)"
            )
        if before and not self.collapsed:
            return f"the policy is back: {score(mean)} in this evaluation; the collapse is over"
        return None

    def state(self) -> dict[str, Any]:
        return {
            "low": self.low, "floor": self.floor,
            "best": self.best if np.isfinite(self.best) else None, "best_error": self.best_error,
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is none of ours."""
        self.low = whole(state, "low")
        self.floor, self.best_error = optional(number, state, "floor"), number(state, "best_error")
        best = optional(number, state, "best")
        self.best = -np.inf if best is None else best
        self.task.collapsed = self.collapsed
