"""Histograms of actions, number by number; they go on where a run does."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from agents.taken import RECENT, SHOWN, ActionsTaken


def test_a_number_has_one_histogram() -> None:
    taken = ActionsTaken(Discrete(3), 2)
    assert taken.metrics() == {}
    actions = np.array([0, 2])
    for _ in range(2):
        taken.add(actions)
    actions[:] = 1  # its own copies
    assert {name: rows.tolist() for name, rows in taken.metrics().items()} == {
        "rollout/action": [0, 2, 0, 2]
    }
    for _ in range(RECENT):
        taken.add(actions)
    assert taken.metrics()["rollout/action"].tolist() == [1] * RECENT  # the newest alone


def test_each_number_of_an_action_has_its_own() -> None:
    taken = ActionsTaken(Box(-1, 1, (2, 2), np.float64), 1)
    taken.add(np.array([[[1, 2], [3, 4]]]) / 10)
    taken.add(np.array([[[5, 6], [7, 8]]]) / 10)
    found = {name: rows.tolist() for name, rows in taken.metrics().items()}
    assert found == {
        "rollout/action/0_0": [0.1, 0.5], "rollout/action/0_1": [0.2, 0.6],
        "rollout/action/1_0": [0.3, 0.7], "rollout/action/1_1": [0.4, 0.8],
    }  # fmt: skip
    many = ActionsTaken(MultiDiscrete([2] * 40), 1)
    many.add(np.zeros((1, 40), int))
    assert len(many.metrics()) == SHOWN


def test_they_are_in_the_state() -> None:
    taken, again = (ActionsTaken(Box(-1, 1, (2,)), 3) for _ in range(2))
    assert taken.state().shape == (0, 3, 2)
    again.load_state(taken.state())
    for t in range(500):
        taken.add(np.full((3, 2), t / 500, np.float32))
    again.load_state(taken.state())
    taken.add(np.ones((3, 2), np.float32))
    again.add(np.ones((3, 2), np.float32))
    assert again.state().tobytes() == taken.state().tobytes() and len(taken.newest) == 334
    for wrong in (np.zeros((1, 3, 2)), np.zeros((1, 2, 2), np.float32), np.zeros(3, np.float32)):
        with pytest.raises(ValueError, match="actions taken of"):
            again.load_state(wrong)
