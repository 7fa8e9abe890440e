"""Who plays keeps what it remembers by environment, and forgets it where an episode ends."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from agents import evaluate
from agents.player import Player
from agents.value_bias import ValueBias
from agents.video import video
from envs import NumpyEnv, Step

GAMMA = 0.5


class Lengths(NumpyEnv):
    """Episodes of 3 and of 5 steps in turn, by environment; ends by the clock every 4 steps.

    Rows: the step of the episode, its length.  Reward 1 for the action that is the step's number,
    which nobody sees.
    """

    observation_space, action_space = Box(0, 1, (1,), np.float32), Discrete(6)
    time_limit = 4

    def initial(self, count: int) -> np.ndarray:
        lengths = 3 + 2 * (np.arange(count) % 2)
        return np.stack([np.zeros(count), lengths.astype(float)])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        right = (actions == rows[0]).astype(float)
        rows = rows + np.array([[1.0], [0.0]])
        return rows, right, rows[0] >= rows[1]

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros((rows.shape[1], 1), np.float32)


class Counter:
    """Its action is how many observations of the episode it has seen before; so is its value, times
    10."""

    def __init__(self, count: int) -> None:
        self.seen = np.zeros(count, int)

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        self.seen += 1
        return self.seen - 1

    def value(
        self, obs: np.ndarray, mask: np.ndarray | None = None, which: np.ndarray | None = None
    ) -> np.ndarray:
        return 10.0 * (self.seen if which is None else self.seen[which])

    def see(self, step: Step) -> None:
        self.seen[step.terminated | step.truncated] = 0


class Counting:
    """A policy with a memory."""

    def player(self, count: int) -> Player:
        return Counter(count)


def test_an_evaluation_remembers_each_episode_apart() -> None:
    result = evaluate(Counting(), Lengths(num_envs=2, seed=0), 6)
    assert set(result.lengths.tolist()) == {3, 4}
    assert np.array_equal(result.returns, result.lengths)  # every action is the right one


def test_a_function_of_what_is_seen_cannot() -> None:
    result = evaluate(lambda obs: np.ones(len(obs), int), Lengths(num_envs=2, seed=0), 6)
    assert result.returns.tolist() == [1.0] * 6


def test_values_are_of_what_is_remembered_when_they_are_asked() -> None:
    """V(s₀) before the first action; V(s_T) of the episode that the clock has cut, not of the new
    one."""
    watch = ValueBias(GAMMA)
    evaluate(Counting(), Lengths(num_envs=2, seed=0), 2, watch=watch)
    assert watch.estimated.tolist() == [0, 0]
    cut = (1 + 0.5 + 0.25 + 0.125) + 0.5**4 * 10 * 4
    assert watch.realised().tolist() == pytest.approx([1.75, cut])


def test_a_video_shows_the_same_player() -> None:
    class Drawn(Lengths):
        def render(self) -> np.ndarray:
            return np.zeros((4, 4, 3), np.uint8)

    shown = video(lambda **how: Drawn(**how), Counting(), 0)  # type: ignore[arg-type, return-value]
    assert (shown.total, shown.length) == (3.0, 3)
