"""A warning that the policy has lost what it had learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.evaluation import Evaluation
from agents.task import RLTask
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Evaluated
from drl.numbers import score
from drl.state import flag, number, optional, whole

PATIENCE = 3  # evaluations in a row
CHANCE = 3.0  # standard errors: a difference within them may be the luck of the episodes
LOSS = 0.1  # of what exploring had come to: a mean of 100 episodes varies by less


class Collapse(Callback):
    """Warns, once, where more than half of what was learnt is gone, and not by chance, PATIENCE
    evaluations in a row, and exploring earns less than it did; and once more where it is back.

        mean < ½(best + floor)   and   best − mean > 3 √(σ²_best/n + σ²/n)
        exploring < best exploring − LOSS (best exploring − floor)

    The floor is what the run earned exploring until its first evaluation, about what random
    actions earn: half of the best itself means nothing where returns may be negative.

    Greedy evaluations alone do not tell a collapse from learning: one was good by luck, or is bad
    for a while because actions tip over in a few states.  In 111 runs of DQN, PPO, A2C and PQN on
    CartPole they were low for so long 51 times; 42 times exploring went on to earn more, and all of
    these came back.  Of the other nine, three did not.
    """

    def __init__(self, task: RLTask) -> None:
        self.task = task
        self.low = 0  # evaluations in a row
        self.collapsed = False  # what was learnt is lost, and not found again
        self.floor: float | None = None  # what exploring earned by the first evaluation
        self.explored = -np.inf  # the most that it has earned
        self.best, self.best_error = -np.inf, 0.0  # of the evaluations so far

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> None:
        """Warns where it has to."""
        if text := self.see(evaluated.result, self.task.episodes.mean()):
            experiment.warn(text)
        self.task.collapsed = self.collapsed

    def see(self, result: Evaluation, exploring: float) -> str | None:
        """What is to be said of an evaluation; the first that is not low takes a collapse back.

        exploring  mean return of the last exploring episodes; NaN where none has ended: it is not
                   asked then
        """
        mean, error = result.mean, float(result.returns.std() / np.sqrt(len(result.returns)))
        if self.floor is None:
            self.floor = exploring if np.isfinite(exploring) else mean
        fall = self.best - mean
        learnt = self.best - self.floor
        chance = CHANCE * float(np.hypot(error, self.best_error))
        low = bool(learnt > 0 and fall > learnt / 2 and fall > chance)
        before, less = self.collapsed, self._less(exploring)
        self.low = self.low + 1 if low else 0
        self.collapsed = low and (before or (self.low >= PATIENCE and less))
        if mean >= self.best:
            self.best, self.best_error = mean, error
        if self.collapsed and not before:
            return (
                f"the policy has collapsed: {score(mean)} in the last of {self.low} low "
                f"evaluations, after a best of {score(self.best)}{self._told(exploring)}; the best "
                "is kept (drl evaluate scores it)"
            )
        if before and not self.collapsed:
            return f"the policy is back: {score(mean)} in this evaluation; the collapse is over"
        return None

    def _less(self, exploring: float) -> bool:
        """Whether exploring earns less than it did; True where nothing is known of it."""
        if not np.isfinite(exploring) or self.floor is None:
            return True
        self.explored = max(self.explored, exploring)
        return bool(self.explored - exploring > LOSS * (self.explored - self.floor))

    def _told(self, exploring: float) -> str:
        if not np.isfinite(exploring):
            return ""
        return f", where exploring earns {score(exploring)} after {score(self.explored)}"

    def state(self) -> dict[str, Any]:
        return {
            "low": self.low, "collapsed": self.collapsed, "floor": self.floor,
            "explored": self.explored if np.isfinite(self.explored) else None,
            "best": self.best if np.isfinite(self.best) else None, "best_error": self.best_error,
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is none of ours."""
        self.low = whole(state, "low")
        older = {"collapsed": self.low >= PATIENCE, "explored": None}  # what states had not yet
        self.collapsed = flag(older | state, "collapsed")
        explored = optional(number, older | state, "explored")
        self.explored = -np.inf if explored is None else explored
        self.floor, self.best_error = optional(number, state, "floor"), number(state, "best_error")
        best = optional(number, state, "best")
        self.best = -np.inf if best is None else best
        self.task.collapsed = self.collapsed
