"""Warnings about Q-learning that still produces numbers, but no longer sense."""

from __future__ import annotations

from typing import Any

from agents.dqn.agent import DQN, Seen
from agents.dqn.metrics import largest_q, reachable_q, returns_in_memory
from agents.dqn.targets import Bounded
from drl.experiment.cadence import EverySteps
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Update
from drl.state import flag, whole

EXPLODED = 10.0  # times the largest |Q| that rewards like those in the memory can add up to
ROUNDING = 1e-5  # of float32 sums


class Divergence(Callback):
    """Says each thing once, and again only after it was mended in between.

    declared  the reward range that the bound on the bootstrap comes from, if it comes from one
    every     env steps between two looks
    """

    def __init__(self, agent: DQN, declared: tuple[float, float] | None, every: int) -> None:
        self.agent, self.declared, self.looks = agent, declared, EverySteps(every)
        self.exploded = self.outside = False

    def on_update(self, experiment: Experiment, update: Update) -> None:
        """Warns where it has to."""
        if self.looks.due(experiment.step):
            for text in (self.values(update.seen), self.rewards()):
                if text is not None:
                    experiment.warn(text)

    def values(self, seen: Seen) -> str | None:
        """|Q| beyond what is reachable: the bootstrap feeds on itself."""
        agent = self.agent
        q, bound = largest_q(agent, seen), reachable_q(agent)
        before, self.exploded = self.exploded, 0 < EXPLODED * bound < q  # 0: no reward yet
        if self.exploded and not before:
            return (
                f"Q explodes: |Q| = {q:.3g} where rewards like these add up to {bound:.3g} at most;"
                f" {_remedy(agent)}"
            )
        return None

    def rewards(self) -> str | None:
        """Rewards outside of the range that the bound on the bootstrap was derived from."""
        agent, declared = self.agent, self.declared
        if declared is None or self.outside:
            return None
        least, most = returns_in_memory(agent)
        gamma, n = agent.nstep.gamma, agent.nstep.n
        steps = sum(gamma**i for i in range(n))
        low, high = min(declared[0], 0.0) * steps, max(declared[1], 0.0) * steps
        spare = ROUNDING * max(-low, high)
        self.outside = least < low - spare or most > high + spare
        if self.outside:
            return (
                f"rewards add up to {least:.3g} … {most:.3g} in {n} steps, beyond the reward range "
                f"{declared[0]:g} … {declared[1]:g} by which the bootstrap is bounded: "
                "give `reward_range` with the true ones"
            )
        return None

    def state(self) -> dict[str, Any]:
        looks = self.looks.state()
        return {"exploded": self.exploded, "outside": self.outside, "looks": looks}

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is none of ours."""
        self.exploded, self.outside = flag(state, "exploded"), flag(state, "outside")
        looks = state["looks"]
        self.looks.load_state(looks, whole(looks, "next", 1) - 1)


def _remedy(agent: DQN) -> str:
    """What keeps Q from feeding on itself; smaller steps only delay it (policies-that-stay)."""
    if isinstance(agent.bootstrap, Bounded):
        return "train anew with a narrower `value_bound`, or a smaller `reward_scale`"
    return "train anew with `reward_range`, of one step, which bounds the bootstrap"
