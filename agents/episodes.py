"""Training episodes: those under way, and the newest that have ended."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from drl.environment import Step
from drl.state import column, fill, whole

RECENT = 100  # episodes that the curves of exploring are means over


class Episodes:
    """Returns and lengths of N environments' episodes."""

    def __init__(self, num_envs: int) -> None:
        self.returns = np.zeros(num_envs)  # of the episodes under way
        self.lengths = np.zeros(num_envs, np.int64)
        self.recent: deque[tuple[float, int]] = deque(maxlen=RECENT)  # return, length
        self.successes: deque[float] = deque(maxlen=RECENT)  # of those that say it, 1 or 0
        self.count = 0  # that have ended

    def add(self, step: Step) -> list[tuple[float, int]]:
        """One step of each; return and length of the episodes that it has ended."""
        self.returns += step.reward
        self.lengths += 1
        if step.invalid is not None:
            self.returns[step.invalid], self.lengths[step.invalid] = 0, 0
        ended = step.terminated | step.truncated
        if not ended.any():
            return []
        returns, lengths = self.returns[ended].tolist(), self.lengths[ended].tolist()
        episodes = list(zip(returns, lengths, strict=True))
        self.returns[ended], self.lengths[ended] = 0, 0
        self.recent += episodes
        self.count += len(episodes)
        if (success := step.success) is not None:
            self.successes += success[ended & ~np.isnan(success)].tolist()
        return episodes

    def interrupt(self) -> None:
        """Those under way are lost."""
        self.returns[:], self.lengths[:] = 0, 0

    def mean(self) -> float:
        """Return of the newest; NaN where none has ended."""
        return float(np.mean([r for r, _ in self.recent])) if self.recent else np.nan

    def state(self) -> dict[str, Any]:
        return {
            "returns": self.returns.copy(),
            "lengths": self.lengths.copy(),
            "episodes": self.count,
            "recent_returns": np.array([r for r, _ in self.recent], np.float64),
            "recent_lengths": np.array([n for _, n in self.recent], np.int64),
            "recent_successes": np.array(self.successes, np.float64),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where it is of other environments."""
        self.count = whole(state, "episodes")
        returns = column(state, "recent_returns", np.float64, most=RECENT)
        lengths = column(state, "recent_lengths", np.int64, most=RECENT)
        self.recent.clear()
        self.recent += zip(returns, lengths, strict=True)
        self.successes.clear()
        if "recent_successes" in state:  # older runs have none
            self.successes += column(state, "recent_successes", np.float64, most=RECENT)
        fill(self.returns, state["returns"], "returns")
        fill(self.lengths, state["lengths"], "lengths", low=0)
