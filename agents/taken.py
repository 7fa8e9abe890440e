"""The actions that training has taken, for histograms: number by number."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

RECENT = 1_000  # actions that a histogram is of
SHOWN = 16  # numbers of an action that have one each


class ActionsTaken:
    """The newest actions in N environments, as these have taken them.

    space  of the actions
    """

    def __init__(self, space: Any, num_envs: int) -> None:
        self.shape, self.dtype = (num_envs, *space.shape), np.dtype(space.dtype)
        self.newest: deque[np.ndarray] = deque(maxlen=-(-RECENT // num_envs))  # (N, *shape) each

    def add(self, actions: np.ndarray) -> None:
        """One of each environment: (N, *shape)."""
        self.newest.append(actions.copy())

    def metrics(self) -> dict[str, np.ndarray]:
        """Values of each number, by TensorBoard name: rollout/action, or rollout/action/<i> and
        rollout/action/<i>_<j> where an action has axes."""
        if not self.newest:
            return {}
        taken = np.concatenate(self.newest)  # (T, *shape)
        if len(self.shape) == 1:
            return {"rollout/action": taken}
        places = list(np.ndindex(*self.shape[1:]))[:SHOWN]
        return {f"rollout/action/{'_'.join(map(str, at))}": taken[:, *at] for at in places}

    def state(self) -> np.ndarray:
        """(T, N, *shape)"""
        return np.array(self.newest, self.dtype).reshape(-1, *self.shape)

    def load_state(self, state: np.ndarray) -> None:
        """ValueError where they are of other environments."""
        if state.shape[1:] != self.shape or state.dtype != self.dtype:
            raise ValueError(
                f"actions taken of {state.dtype} {state.shape[1:]}, expected {self.dtype} "
                f"{self.shape}"
            )
        self.newest.clear()
        self.newest.extend(state)
