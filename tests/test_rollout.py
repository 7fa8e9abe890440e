"""The memory of a rollout: rows, successors at cuts, masks, what is saved."""

from typing import Any

import numpy as np
import pytest

from agents.memory.rollout import Rollout
from agents.memory.storage import ArrayStorage
from drl.environment import Step

NUMBERS = ArrayStorage((1,), np.float32)


def step(obs: Any, terminated: Any = (0, 0), truncated: Any = (0, 0), final: Any = None) -> Step:
    """Of two environments that are seen as one number."""
    seen = np.array(obs, np.float32)[:, None]
    true = seen if final is None else np.array(final, np.float32)[:, None]
    return Step(seen, np.ones(2), np.array(terminated, bool), np.array(truncated, bool), true)


def filled() -> Rollout:
    """Three steps; at the second the first environment is cut and the other terminates."""
    memory = Rollout(3, 2, NUMBERS)
    obs = [(0, 10), (1, 11), (50, 60), (51, 61)]
    steps = [step(obs[1]), step(obs[2], (0, 1), (1, 0), final=(2, 12)), step(obs[3])]
    for s, after in zip(obs, steps, strict=False):
        memory.add(np.array(s, np.float32)[:, None], np.array([1, 0]), after)
    return memory


def test_successors_are_the_next_rows_but_where_an_episode_was_cut() -> None:
    memory = filled()
    assert memory.full and memory.obs[:, :, 0].tolist() == [[0, 10], [1, 11], [50, 60], [51, 61]]
    assert memory.cut.tolist() == [[1, 0]] and memory.cut_obs.tolist() == [[2.0]]
    following = memory.next_values(memory.obs[:, :, 0] * 100, memory.cut_obs[:, 0] * 100)
    # 6000 belongs to a terminated step: nothing asks for it
    assert following.tolist() == [[100, 1100], [200, 6000], [5100, 6100]]


def test_both_flags_at_once_are_an_end() -> None:
    memory = Rollout(1, 2, NUMBERS)
    memory.add(np.zeros((2, 1)), np.zeros(2), step((5, 6), (1, 0), (1, 1), final=(2, 12)))
    assert memory.cut.tolist() == [[0, 1]] and memory.cut_obs.tolist() == [[12.0]]


def test_interrupted_episodes_are_cut_with_the_successor_that_is_known() -> None:
    memory = Rollout(3, 2, NUMBERS)
    memory.interrupt_episodes()  # nothing is there yet
    memory.add(np.array([[0.0], [10.0]]), np.zeros(2), step((1, 60), (0, 1), final=(1, 11)))
    memory.interrupt_episodes()
    assert memory.truncated[0].tolist() == [True, False]  # the other has ended anyway
    memory.add(np.array([[70.0], [80.0]]), np.zeros(2), step((71, 81)))
    memory.interrupt_episodes()
    memory.interrupt_episodes()  # twice is once
    assert memory.cut.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert memory.cut_obs[:, 0].tolist() == [1, 71, 81]
    assert memory.obs[:2, :, 0].tolist() == [[0, 10], [70, 80]]


def test_a_cleared_rollout_is_empty() -> None:
    memory = filled()
    memory.clear()
    assert memory.filled == 0 and len(memory.cut) == len(memory.cut_obs) == 0
    memory.add(np.zeros((2, 1)), np.zeros(2), step((5, 6)))
    assert not memory.truncated[0].any() and not memory.terminated[0].any()


def test_masks_are_kept_from_the_first_on() -> None:
    memory = Rollout(2, 2, NUMBERS, actions=9)
    memory.add(np.zeros((2, 1)), np.zeros(2), step((5, 6)))
    assert memory.mask() is None
    mask = np.eye(9, dtype=bool)[[2, 8]]
    memory.add(np.zeros((2, 1)), np.zeros(2), step((5, 6)), mask)
    kept = memory.mask()
    assert kept is not None and kept[0].all() and np.array_equal(kept[1], mask)


def saved(memory: Rollout) -> dict[str, Any]:
    """As a checkpoint has it: copies."""
    state = memory.state()
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in state.items()}


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_it_goes_on_from_its_state(steps: int) -> None:
    first, second = Rollout(3, 2, NUMBERS, actions=2), filled()
    mask = np.array([[True, False], [True, True]])
    for n in range(steps):
        after = step((n + 1, n + 2), truncated=(n == 0, 0), final=(7, n + 2))
        first.add(np.full((2, 1), n), np.ones(2), after, mask)
    again = Rollout(3, 2, NUMBERS, actions=2)
    again.obs += 9
    again.load_state(saved(first))
    for memory in (first, again):
        memory.add(np.full((2, 1), 30), np.ones(2), step((31, 32)), mask)
    one, other = saved(first), saved(again)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    with pytest.raises(ValueError, match="rollout"):
        second.load_state(saved(first) | {"action": np.zeros((9, 9))})


@pytest.mark.parametrize("cut", [[[5, 0]], [[0, 2]]])
def test_a_cut_outside_is_refused(cut: list[list[int]]) -> None:
    state = saved(filled()) | {"cut": np.array(cut), "cut_obs": np.zeros((1, 1), np.float32)}
    with pytest.raises(ValueError, match="lies outside"):
        Rollout(3, 2, NUMBERS).load_state(state)
