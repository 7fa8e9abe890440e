"""The goals in an encoded observation: which of its numbers they are, and what is paid for others.

Shapes: B observations of D numbers, G numbers of a goal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.setup import Setup
from drl.decoding import decode
from drl.encoding import Encoder, Part
from drl.environment import GoalRules
from drl.errors import UserError
from drl.spaces import words

ACHIEVED, DESIRED = "achieved_goal", "desired_goal"


class Goals:
    """achieved_goal and desired_goal of a Dict, as columns of the vector that it becomes.

    encoder  of the observations
    rules    what the environment pays
    unit     its rewards → the memory's, both (B,)

    UserError where the observations have no such goals, or these two are not of one kind.
    """

    def __init__(
        self, encoder: Encoder, rules: GoalRules, unit: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        achieved, desired = (_parts(encoder, name) for name in (ACHIEVED, DESIRED))
        if not (achieved and desired):
            raise UserError(
                f"hindsight (`her`) needs observations of a Dict with {ACHIEVED} and {DESIRED}, "
                f"found {words(encoder.original)}: leave `her` out, or give the env goals"
            )
        if [_kind(part) for part in achieved] != [_kind(part) for part in desired]:
            raise UserError(
                f"{ACHIEVED} and {DESIRED} are of different spaces, so that none can stand for the "
                "other (`her`): mend the env"
            )
        self.encoder, self.rules, self.unit = encoder, rules, unit
        self.achieved, self.desired = _columns(achieved), _columns(desired)  # (G,)

    def put(self, obs: np.ndarray, rows: np.ndarray, goal: np.ndarray) -> None:
        """Those of the observations (B, D) in these rows desire the goals (len(rows), G)."""
        obs[rows[:, None], self.desired] = goal

    def reward(self, s_next: np.ndarray) -> np.ndarray:
        """r of transitions to s′ (B, D), by the goals that are achieved and desired there, in the
        memory's unit: (B,)."""
        return self.unit(self.rules.reward(*self._decoded(s_next)))

    def terminated(self, s_next: np.ndarray) -> np.ndarray | None:
        """Whether the episode ends with s′: (B,) bool; None: goals have no part in it."""
        return self.rules.terminated(*self._decoded(s_next))

    def _decoded(self, obs: np.ndarray) -> tuple[object, object]:
        return decode(self.encoder, obs, (ACHIEVED,)), decode(self.encoder, obs, (DESIRED,))


def goals_of(setup: Setup, unit: Callable[[np.ndarray], np.ndarray]) -> Goals:
    """Of an agent's environments.   UserError where they have none."""
    encoder = setup.encoder or Encoder(setup.observation_space, turned=False)
    if setup.goal_rules is None and _parts(encoder, DESIRED):
        raise UserError(
            f"hindsight (`her`) asks the env what other goals would have paid: it needs "
            f"compute_reward({ACHIEVED}, {DESIRED}, info), and has none; leave `her` out, or give "
            "the env one"
        )
    return Goals(encoder, setup.goal_rules, unit)  # type: ignore[arg-type]


def left_alone(her: bool, setup: Setup) -> list[str]:
    """A line where an environment has goals, and hindsight is not asked for; else none."""
    encoder = setup.encoder
    if her or setup.goal_rules is None or encoder is None:
        return []
    if not (_parts(encoder, ACHIEVED) and _parts(encoder, DESIRED)):
        return []
    return ["the env has goals: with `her` what it achieves is learnt from as if it were desired"]


def _parts(encoder: Encoder, name: str) -> list[Part]:
    return [part for part in encoder.parts if part.path[:1] == (name,)]


def _kind(part: Part) -> tuple[object, ...]:
    """All but where it is."""
    return part.path[1:], part.shape, part.kind, part.counts, part.first, part.axes


def _columns(parts: list[Part]) -> np.ndarray:
    return np.concatenate([np.arange(part.where.start, part.where.stop) for part in parts])
