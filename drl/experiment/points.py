"""When a point of the curves is due, and from where on it tells of updates."""

from __future__ import annotations

from typing import Any

from drl.experiment.cadence import Cadence
from drl.experiment.task import Progress
from drl.state import flag, whole


class Points:
    """By a cadence; and where a point found no update, at the next one as well.

    An agent that learns once a rollout is thus seen at the steps where it has learnt, each phase
    once: the update that a pause shows is the last of its phase, and its metrics are the phase's.
    """

    def __init__(self, cadence: Cadence) -> None:
        self.cadence = cadence
        self.owed = False  # whether the last point found no update
        self.since = self.told = 0  # steps of the last two points that found one

    def due(self, progress: Progress) -> bool:
        """Whether there is to be one at this pause."""
        updated = progress.update is not None
        due = self.cadence.due(progress.step)
        if not due and not (self.owed and updated):
            return False
        self.owed = not updated
        if updated:
            self.since, self.told = self.told, progress.step
        return True

    def state(self) -> dict[str, Any]:
        """When the next one is due."""
        return {**self.cadence.state(), "owed": self.owed, "told": self.told}

    def load_state(self, state: dict[str, Any], step: int) -> None:
        """Go on from there.   ValueError where it cannot be so after `step` steps."""
        self.cadence.load_state(state, step)
        if "owed" in state:  # else it is of an older run
            self.owed, self.told = flag(state, "owed"), whole(state, "told", high=step)
