"""Warnings of a policy that has lost what it had learnt: when due, once, and not otherwise."""

from typing import Any

import numpy as np

from agents.collapse import Collapse
from agents.evaluation import Evaluation


class Task:
    """What the callback tells of it."""

    collapsed = False


def fresh() -> Collapse:
    task: Any = Task()
    return Collapse(task)


def warned(means: list[float], exploring: float, spread: float = 0.0) -> list[bool]:
    """Which of greedy evaluations of 16 episodes, mean ± spread, were warned about."""
    dog, sign = fresh(), np.resize([-1.0, 1.0], 16)
    results = [Evaluation(mean + spread * sign, np.ones(16, np.int64)) for mean in means]
    return [dog.see(result, exploring) is not None for result in results]


def test_collapse_is_said_at_the_third_low_evaluation_in_a_row() -> None:
    means = [400, 200, 200, 300, 200, 200, 209, 200, 200]  # half of 400 − 20 gone: below 210
    assert warned(means, exploring=20.0) == [False] * 6 + [True] + [False] * 2
    assert not any(warned([400, 211, 211, 211, 211], exploring=20.0))


def test_a_collapse_is_taken_back_when_the_policy_is_back() -> None:
    dog, said = fresh(), []
    for mean in (400.0, 100.0, 100.0, 100.0, 100.0, 390.0, 395.0, 100.0, 100.0, 100.0):
        text = dog.see(Evaluation(np.full(16, mean), np.ones(16, np.int64)), 20.0)
        said.append((text or "-")[:18])
        again = fresh()
        again.load_state(dog.state())
        assert again.collapsed == again.task.collapsed == dog.collapsed
    back, gone = "the policy is back", "the policy has col"
    assert said == ["-", "-", "-", gone, "-", back, "-", "-", "-", gone] and dog.collapsed


def test_collapse_of_negative_returns_is_measured_from_what_exploring_earned() -> None:
    means = [-80.0, -291.0, -291.0, -291.0]  # from −500 to −80 was learnt; half of it ends at −290
    assert warned(means, exploring=-500.0) == [False, False, False, True]
    assert not any(warned([-80.0, -289.0, -289.0, -289.0], exploring=-500.0))


def test_nothing_learnt_cannot_be_lost() -> None:
    assert not any(warned([-200.0, -400.0, -400.0, -400.0], exploring=-150.0))


def test_a_fall_within_three_standard_errors_may_be_luck() -> None:
    """LunarLander in its first evaluations: 8.8, then −84.7, with returns as far apart as that."""
    means = [
        8.8,
        -90.0,
        -90.0,
        -84.7,
    ]  # standard error: spread/4; of a fall: √2 more
    assert not any(warned(means, exploring=-170.0, spread=100.0))  # 3 √2 · 25 = 106 > 93.5
    assert warned(means, exploring=-170.0, spread=80.0) == [False, False, False, True]  # 85
    assert warned([413, 130, 130, 130], exploring=20.0, spread=100.0)[-1]


def test_a_resumed_one_remembers() -> None:
    dog, again = fresh(), fresh()
    for mean in (400.0, 100.0, 100.0):
        dog.see(Evaluation(np.full(16, mean), np.ones(16, np.int64)), 20.0)
    again.load_state(dog.state())
    assert again.see(Evaluation(np.full(16, 100.0), np.ones(16, np.int64)), 20.0)
