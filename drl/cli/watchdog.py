"""Warnings about runs that still produce numbers, but no longer sense."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dqn import metrics as diagnostics
from agents.dqn.agent import DQN, Update
from agents.dqn.targets import Bounded
from agents.evaluation import Evaluation
from drl.state import flag, number, optional, whole

EXPLODED = 10.0  # times the largest |Q| that rewards like those in the memory can add up to
PATIENCE = 3  # greedy evaluations in a row
CHANCE = 3.0  # standard errors: a difference within them may be the luck of the episodes
ROUNDING = 1e-5  # of float32 sums


class Watchdog:
    """Says each thing once, and again only after it was mended in between."""

    def __init__(self) -> None:
        self.exploded = self.outside = False
        self.low_checks = 0  # in a row; PATIENCE and more: the policy has collapsed
        self.floor: float | None = None  # what exploring earned by the first check
        self.best, self.best_error = -np.inf, 0.0  # of the checks so far

    def values(self, agent: DQN, learned: Update) -> str | None:
        """|Q| beyond what is reachable: the bootstrap feeds on itself."""
        q, bound = diagnostics.largest_q(agent, learned), diagnostics.reachable_q(agent)
        before, self.exploded = self.exploded, 0 < EXPLODED * bound < q  # 0: no reward yet
        if self.exploded and not before:
            return (
                f"Q explodes: |Q| = {q:.3g} where rewards like these add up to {bound:.3g} at most;"
                f" {_remedy(agent)}"
            )
        return None

    def rewards(self, agent: DQN, declared: tuple[float, float] | None) -> str | None:
        """Rewards outside of the range that the bound on the bootstrap was derived from."""
        if declared is None or self.outside:
            return None
        least, most = diagnostics.returns_in_memory(agent)
        gamma, n = agent.nstep.gamma, agent.nstep.n
        steps = sum(gamma**i for i in range(n))
        low, high = min(declared[0], 0.0) * steps, max(declared[1], 0.0) * steps
        spare = ROUNDING * max(-low, high)
        self.outside = least < low - spare or most > high + spare
        if self.outside:
            return (
                f"rewards add up to {least:.3g} … {most:.3g} in {n} steps, beyond the reward range "
                f"{declared[0]:g} … {declared[1]:g} by which the bootstrap is bounded: "
                "give --reward-range with the true ones"
            )
        return None

    @property
    def collapsed(self) -> bool:
        """Whether the policy has lost what it had learnt, and not found it again."""
        return self.low_checks >= PATIENCE

    def check(self, result: Evaluation, exploring: float) -> str | None:
        """More than half of what was learnt is gone, and not by chance, three times in a row:

            mean < ½(best + floor)   and   best − mean > 3 √(σ²_best/n + σ²/n)

        The floor is what the run earned exploring until its first check, about what random actions
        earn: half of the best itself means nothing where returns may be negative.

        The first check that is not low takes it back.

        result     a greedy evaluation
        exploring  mean return of the last exploring episodes; no number where none has ended
        """
        mean, error = result.mean, float(result.returns.std() / np.sqrt(len(result.returns)))
        if self.floor is None:
            self.floor = exploring if np.isfinite(exploring) else mean
        fall = self.best - mean
        learnt = self.best - self.floor
        chance = CHANCE * np.hypot(error, self.best_error)
        low = learnt > 0 and fall > learnt / 2 and fall > chance
        before = self.collapsed
        self.low_checks = self.low_checks + 1 if low else 0
        if mean >= self.best:
            self.best, self.best_error = mean, error
        if self.low_checks == PATIENCE:
            return (
                f"the policy has collapsed: {mean:.1f} in the last of {PATIENCE} low evaluations, "
                f"after a best of {self.best:.1f}, where exploring began at {self.floor:.1f}; the "
                "best "
                "is kept (drl evaluate scores it)"
            )
        if before and not self.collapsed:
            return f"the policy is back: {mean:.1f} in this check; the collapse is over"
        return None

    def state(self) -> dict[str, Any]:
        return {
            "exploded": self.exploded, "outside": self.outside,
            "low_checks": self.low_checks, "floor": self.floor,
            "best": self.best if np.isfinite(self.best) else None, "best_error": self.best_error,
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is none of ours."""
        self.exploded, self.outside = flag(state, "exploded"), flag(state, "outside")
        self.low_checks = whole(state, "low_checks")
        self.floor, self.best_error = optional(number, state, "floor"), number(state, "best_error")
        best = optional(number, state, "best")
        self.best = -np.inf if best is None else best


def _remedy(agent: DQN) -> str:
    """What keeps Q from feeding on itself; smaller steps only delay it (policies-that-stay)."""
    if isinstance(agent.bootstrap, Bounded):
        return "train anew with a narrower --value-bound, or a smaller --reward-scale"
    return "train anew with --reward-range LOW HIGH, of one step, which bounds the bootstrap"
