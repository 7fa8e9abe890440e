"""When something is due again: by steps, or by the clock."""

from __future__ import annotations

import time
from typing import Any, Protocol

from drl.state import whole


class Cadence(Protocol):
    """Asked at every pause; where it says yes the next time is set."""

    def due(self, step: int) -> bool:
        """Whether it is time, after so many steps."""

    def state(self) -> dict[str, Any]:
        """When it is due next."""

    def load_state(self, state: dict[str, Any], step: int) -> None:
        """Go on from there.   ValueError where it cannot be so after `step` steps."""


class EverySteps:
    """At the first pause at or after each multiple of `every` steps."""

    def __init__(self, every: int) -> None:
        self.every = self.next = every

    def due(self, step: int) -> bool:
        if step < self.next:
            return False
        while self.next <= step:
            self.next += self.every
        return True

    def state(self) -> dict[str, Any]:
        return {"next": self.next, "every": self.every}

    def load_state(self, state: dict[str, Any], step: int) -> None:
        every = whole(state, "every", 1)
        self.next = whole(state, "next", 1, step + every)
        if every != self.every:  # the setting was changed
            self.next = (step // self.every + 1) * self.every


class EverySeconds:
    """At the first pause that comes `every` seconds after the last."""

    def __init__(self, every: float) -> None:
        self.every, self.last = every, time.perf_counter()

    def due(self, step: int) -> bool:
        now = time.perf_counter()
        if now - self.last < self.every:
            return False
        self.last = now
        return True

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any], step: int) -> None:
        pass
