"""What a goal environment pays, asked of its own `compute_reward`.

compute_reward(achieved_goal, desired_goal, info) → reward, and where it has it
compute_terminated(achieved_goal, desired_goal, info) → bool, as gymnasium-robotics has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drl.errors import EnvFailed
from drl.raised import said
from envs import answers
from envs.answers import Wrong


def rules_of(id: str, env: Callable[[], Any]) -> Rules | None:
    """Of an environment that has compute_reward, or a wrapper around it has; else None.

    env  gives it as it is now: it may be another one later
    """
    return None if through(env(), "compute_reward") is None else Rules(id, env)


def through(env: Any, name: str) -> Any:
    """What the environment calls `name`, or the outermost of its wrappers that has it; None: none
    has."""
    while not hasattr(env, name):
        if not hasattr(env, "env"):
            return None
        env = env.env
    return getattr(env, name)


class Rules:
    """drl.environment.GoalRules.

    All B are asked about in one call, as gymnasium-robotics can be; where that raises, or gives
    another number of answers, one by one.  `info` is {}: what was in it is not kept.
    """

    def __init__(self, id: str, env: Callable[[], Any]) -> None:
        self.id, self.env = id, env
        self.one_by_one: set[str] = set()  # names of what was not made for many

    def reward(self, achieved: Any, desired: Any) -> np.ndarray:
        return self._asked("compute_reward", achieved, desired, answers.reward, np.float64)

    def terminated(self, achieved: Any, desired: Any) -> np.ndarray | None:
        if through(self.env(), "compute_terminated") is None:
            return None
        return self._asked("compute_terminated", achieved, desired, _flag, np.bool_)

    def _asked(
        self, name: str, achieved: Any, desired: Any, one: Callable[[Any], Any], dtype: Any
    ) -> np.ndarray:  # fmt: skip
        count = length(achieved)
        try:
            code = through(self.env(), name)
            if name not in self.one_by_one:
                try:
                    given = np.asarray(code(achieved, desired, {}))
                except Exception:  # made for one, perhaps: a second try says more
                    given = np.empty(0)
                if given.shape == (count,):
                    if given.dtype == dtype and (np.abs(given) <= answers.LARGEST).all():
                        return given.copy()
                    return np.array([one(each) for each in given.tolist()], dtype)
                self.one_by_one.add(name)
            pairs = ((row(achieved, i), row(desired, i)) for i in range(count))
            return np.array([one(code(*pair, {})) for pair in pairs], dtype)
        except Wrong as wrong:
            raise EnvFailed(f"{self.id}'s {name}() {wrong}: mend the env") from wrong
        except (Exception, SystemExit) as error:
            raise EnvFailed(
                f"{self.id}'s {name}() failed ({said(error)}), with arrays and info = {{}}: mend "
                "the env"
            ) from error


def _flag(given: Any) -> bool:
    return answers.flag(given, "terminated")


def length(goals: Any) -> int:
    """How many there are, of goals in arrays, dicts and tuples."""
    while not isinstance(goals, np.ndarray):
        goals = next(iter(goals.values() if isinstance(goals, dict) else goals))
    return len(goals)


def row(goals: Any, i: int) -> Any:
    """The i-th of them."""
    if isinstance(goals, dict):
        return {key: row(inside, i) for key, inside in goals.items()}
    if isinstance(goals, tuple):
        return tuple(row(inside, i) for inside in goals)
    return goals[i]
