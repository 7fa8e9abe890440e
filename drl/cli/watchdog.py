"""Warnings about runs that still produce numbers, but no longer sense."""

from __future__ import annotations

from typing import Any

from agents import diagnostics
from agents.dqn import DQN, Learned

EXPLODED = 10.0  # times the largest |Q| that rewards like those in the memory can add up to
PATIENCE = 3  # greedy checks in a row


class Watchdog:
    """Says each thing once, and again only after it was mended in between."""

    def __init__(self) -> None:
        self.exploded = False
        self.low_checks = 0  # in a row

    def values(self, agent: DQN, learned: Learned) -> str | None:
        """|Q| beyond what is reachable: the bootstrap feeds on itself."""
        q, bound = diagnostics.largest_q(agent, learned), diagnostics.reachable_q(agent)
        before, self.exploded = self.exploded, 0 < EXPLODED * bound < q  # 0: no reward yet
        if self.exploded and not before:
            return (
                f"Q explodes: |Q| = {q:.3g} where rewards like these add up to {bound:.3g} at most;"
                " try a lower --lr, or a slower target (--target-period, --tau)"
            )
        return None

    def check(self, mean: float, best: float) -> str | None:
        """A greedy mean under half of the best, for the third time in a row."""
        low = mean < (best / 2 if best > 0 else best * 2)
        self.low_checks = self.low_checks + 1 if low else 0
        if self.low_checks == PATIENCE:
            return (
                f"the policy has collapsed: {mean:.1f} in the last of {PATIENCE} low checks, after "
                f"a best of {best:.1f}; the best is kept (drl evaluate scores it)"
            )
        return None

    def state(self) -> dict[str, Any]:
        return {"exploded": self.exploded, "low_checks": self.low_checks}

    def load_state(self, state: dict[str, Any]) -> None:
        self.exploded, self.low_checks = state["exploded"], state["low_checks"]
