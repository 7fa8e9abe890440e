"""Warnings of a policy that has lost what it had learnt: when due, once, and not otherwise."""

import json
from collections.abc import Sequence
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


def warned(
    means: Sequence[float],
    floor: float,
    spread: float = 0.0,
    exploring: Sequence[float] | None = None,
) -> list[bool]:
    """Which of greedy evaluations of 16 episodes, mean ± spread, were warned about.

    exploring  what it earned in between; none: as the greedy policy, from `floor` on
    """
    dog, sign = fresh(), np.resize([-1.0, 1.0], 16)
    results = [Evaluation(mean + spread * sign, np.ones(16, np.int64)) for mean in means]
    earned = [floor, max(means), *means[2:]] if exploring is None else exploring
    return [dog.see(r, x) is not None for r, x in zip(results, earned, strict=True)]


def test_collapse_is_said_at_the_third_low_evaluation_in_a_row() -> None:
    means = [400, 200, 200, 300, 200, 200, 209, 200, 200]  # half of 400 − 20 gone: below 210
    assert warned(means, floor=20.0) == [False] * 6 + [True] + [False] * 2
    assert not any(warned([400, 211, 211, 211, 211], floor=20.0))


def test_a_collapse_is_taken_back_when_the_policy_is_back() -> None:
    dog, said = fresh(), []
    exploring = [20.0, 300, 200, 200, 200, 200, 200, 200, 200, 200]
    greedy = [400.0, 100, 100, 100, 100, 390, 395, 100, 100, 100]
    for mean, earned in zip(greedy, exploring, strict=True):
        text = dog.see(Evaluation(np.full(16, mean), np.ones(16, np.int64)), earned)
        said.append((text or "-")[:18])
        again = fresh()
        again.load_state(dog.state())
        assert again.collapsed == again.task.collapsed == dog.collapsed
    back, gone = "the policy is back", "the policy has col"
    assert said == ["-", "-", "-", gone, "-", back, "-", "-", "-", gone] and dog.collapsed


def test_what_is_kept_of_it_is_json() -> None:
    """Also of an evaluation that is low, but may be so by chance."""
    dog, returns = fresh(), 400 * np.resize([-1.0, 1.0], 16)
    for mean in (400.0, 200.0):
        dog.see(Evaluation(mean + returns, np.ones(16, np.int64)), 20.0)
        again = fresh()
        again.load_state(json.loads(json.dumps(dog.state())))
        assert again.state() == dog.state() and dog.collapsed is False


def test_collapse_of_negative_returns_is_measured_from_what_exploring_earned() -> None:
    means = [-80.0, -291.0, -291.0, -291.0]  # from −500 to −80 was learnt; half of it ends at −290
    assert warned(means, floor=-500.0) == [False, False, False, True]
    assert not any(warned([-80.0, -289.0, -289.0, -289.0], floor=-500.0))


def test_nothing_learnt_cannot_be_lost() -> None:
    assert not any(warned([-200.0, -400.0, -400.0, -400.0], floor=-150.0))


def test_a_fall_within_three_standard_errors_may_be_luck() -> None:
    """LunarLander in its first evaluations: 8.8, then −84.7, with returns as far apart as that."""
    means = [
        8.8,
        -90.0,
        -90.0,
        -84.7,
    ]  # standard error: spread/4; of a fall: √2 more
    assert not any(warned(means, floor=-170.0, spread=100.0))  # 3 √2 · 25 = 106 > 93.5
    assert warned(means, floor=-170.0, spread=80.0) == [False, False, False, True]  # 85
    assert warned([413, 130, 130, 130], floor=20.0, spread=100.0)[-1]


def test_a_resumed_one_remembers() -> None:
    dog, again = fresh(), fresh()
    for mean, exploring in ((400.0, 20.0), (100.0, 200.0), (100.0, 150.0)):
        dog.see(Evaluation(np.full(16, mean), np.ones(16, np.int64)), exploring)
    again.load_state(dog.state())
    assert again.see(Evaluation(np.full(16, 100.0), np.ones(16, np.int64)), 150.0)


def test_of_an_older_version_too() -> None:
    """Whose state knew nothing of exploring."""
    dog, again = fresh(), fresh()
    for mean, exploring in ((400.0, 20.0), (100.0, 200.0), (100.0, 150.0), (100.0, 100.0)):
        dog.see(Evaluation(np.full(16, mean), np.ones(16, np.int64)), exploring)
    state = dog.state()
    assert state.pop("collapsed") and state.pop("explored") == 200
    again.load_state(state)
    assert again.collapsed


# of runs on CartPole: greedy evaluations, and exploring in its last 100 episodes
RUNS = {
    "ppo": ([325, 262, 314, 100, 357, 150, 157, 128, 124, 210, 493],
            [26, 44, 60, 76, 89, 105, 119, 117, 112, 117, 121]),
    "dqn": ([68, 20, 423, 161, 332, 342, 451, 472, 184, 170, 258, 160, 202, 159, 172, 160, 168,
             155, 130, 184, 155, 140, 167, 161, 150, 483, 500],
            [13, 18, 23, 23, 23, 23, 23, 28, 28, 28, 31, 36, 38, 42, 46, 46, 53, 58, 64, 66, 66, 68,
             78, 87, 88, 89, 91]),
    "lost": ([16, 30, 111, 480, 96, 111, 300, 141, 161, 396, 464, 221, 452, 269, 228, 183, 161, 196,
              134, 142, 120, 131, 128, 119, 91, 69, 72, 57, 45, 48, 46, 41, 34, 25, 23, 18, 15, 18],
             [14, 16, 19, 20, 20, 23, 25, 25, 25, 25, 25, 30, 32, 40, 47, 55, 55, 57, 57, 57, 60,
              64, 70, 73, 75, 75, 75, 74, 74, 74, 73, 76, 77, 78, 79, 77, 58, 39]),
}  # fmt: skip


def test_while_exploring_earns_more_and_more_nothing_has_collapsed() -> None:
    """A run of PPO that was solved a little later; DQN's have longer valleys."""
    for greedy, exploring in (RUNS["ppo"], RUNS["dqn"]):
        assert not any(warned(greedy, 0, 20.0, exploring))


def test_where_exploring_falls_too_it_has() -> None:
    """A run of DQN without a bound that never came back."""
    greedy, exploring = RUNS["lost"]
    assert warned(greedy, 0, 20.0, exploring).index(True) == 36  # at 15: 58 after 79


def test_without_exploring_episodes_evaluations_alone_tell() -> None:
    nan = float("nan")
    assert warned([400.0, 100, 100, 100], 0, 0.0, [20.0, nan, nan, nan])[-1]
