"""Warnings: said when due, once, and not otherwise."""

import numpy as np
from drl.cli.watchdog import Watchdog

from agents import DQNConfig, build_dqn
from agents.dqn import metrics as diagnostics
from agents.evaluation import Evaluation


def checks(means: list[float], exploring: float, spread: float = 0.0) -> list[bool]:
    """Which of greedy evaluations of 16 episodes, mean ± spread, were warned about."""
    dog, sign = Watchdog(), np.resize([-1.0, 1.0], 16)
    results = [Evaluation(mean + spread * sign, np.ones(16, np.int64)) for mean in means]
    return [dog.check(result, exploring) is not None for result in results]


def test_collapse_is_said_at_the_third_low_check_in_a_row() -> None:
    means = [400, 200, 200, 300, 200, 200, 209, 200, 200]  # half of 400 − 20 gone: below 210
    assert checks(means, exploring=20.0) == [False] * 6 + [True] + [False] * 2
    assert not any(checks([400, 211, 211, 211, 211], exploring=20.0))


def test_a_collapse_is_taken_back_when_the_policy_is_back() -> None:
    dog, said = Watchdog(), []
    for mean in (400.0, 100.0, 100.0, 100.0, 100.0, 390.0, 395.0, 100.0, 100.0, 100.0):
        text = dog.check(Evaluation(np.full(16, mean), np.ones(16, np.int64)), 20.0)
        said.append((text or "-")[:18])
        again = Watchdog()
        again.load_state(dog.state())
        assert again.collapsed == dog.collapsed
    back, gone = "the policy is back", "the policy has col"
    assert said == ["-", "-", "-", gone, "-", back, "-", "-", "-", gone] and dog.collapsed


def test_collapse_of_negative_returns_is_measured_from_what_exploring_earned() -> None:
    means = [-80.0, -291.0, -291.0, -291.0]  # from −500 to −80 was learnt; half of it ends at −290
    assert checks(means, exploring=-500.0) == [False, False, False, True]
    assert not any(checks([-80.0, -289.0, -289.0, -289.0], exploring=-500.0))


def test_nothing_learnt_cannot_be_lost() -> None:
    assert not any(checks([-200.0, -400.0, -400.0, -400.0], exploring=-150.0))


def test_a_fall_within_three_standard_errors_may_be_luck() -> None:
    """LunarLander in its first checks: 8.8, then −84.7, with returns as far apart as that."""
    means = [8.8, -90.0, -90.0, -84.7]  # standard error of a check: spread/4; of a fall: √2 more
    assert not any(checks(means, exploring=-170.0, spread=100.0))  # 3 √2 · 25 = 106 > 93.5
    assert checks(means, exploring=-170.0, spread=80.0) == [False, False, False, True]  # 85
    assert checks([413, 130, 130, 130], exploring=20.0, spread=100.0)[-1]


def test_a_resumed_watchdog_remembers() -> None:
    dog, again = Watchdog(), Watchdog()
    for mean in (400.0, 100.0, 100.0):
        dog.check(Evaluation(np.full(16, mean), np.ones(16, np.int64)), 20.0)
    again.load_state(dog.state())
    assert again.check(Evaluation(np.full(16, 100.0), np.ones(16, np.int64)), 20.0)


def test_explosion_is_measured_against_what_rewards_can_add_up_to() -> None:
    config = DQNConfig(hidden=(), n_step=1, gamma=0.9, reward_scale=0.5, batch_size=4, num_envs=4)
    agent = build_dqn(config, (2,), np.float32, 2, seed=0)
    s, no = np.ones((4, 2)), np.zeros(4, bool)
    agent.observe(s, np.zeros(4), np.array([1.0, -3.0, 2.0, 0.0]), no, no, s)
    assert abs(diagnostics.reachable_q(agent) - 30.0) < 1e-4  # 3/(1 − 0.9), in env rewards
    dog = Watchdog()
    agent.net.params[:] = 0
    agent.net.layers[-1].b[:] = 149.0  # |Q| = 298 in env rewards: under ten times 30
    assert dog.values(agent, agent.learn()) is None
    agent.net.params[:] = 0
    agent.net.layers[-1].b[:] = 151.0
    learned = agent.learn()
    said = dog.values(agent, learned) or ""
    assert "Q explodes" in said and "--reward-range LOW HIGH" in said and "--lr" not in said
    assert dog.values(agent, learned) is None  # said once


def test_without_a_reward_nothing_is_said() -> None:
    """A game that has not paid yet: whatever Q is, it may be right."""
    agent = build_dqn(DQNConfig(hidden=(), batch_size=4, num_envs=4), (2,), np.float32, 2, seed=0)
    s, no = np.ones((4, 2)), np.zeros(4, bool)
    agent.observe(s, np.zeros(4), np.zeros(4), no, no, s)
    assert Watchdog().values(agent, agent.learn()) is None


def test_of_a_bounded_bootstrap_another_remedy_is_said() -> None:
    config = DQNConfig(hidden=(), gamma=0.9, batch_size=4, num_envs=4, value_bound=(-1e9, 1e9))
    agent = build_dqn(config, (2,), np.float32, 2, seed=0)
    s, no = np.ones((4, 2)), np.zeros(4, bool)
    agent.observe(s, np.zeros(4), np.ones(4), no, no, s)
    agent.net.params[:] = 0
    agent.net.layers[-1].b[:] = 101.0  # ten times 1/(1 − 0.9), and a bit
    said = Watchdog().values(agent, agent.learn()) or ""
    assert "--value-bound" in said and "--reward-range" not in said


def test_rewards_beyond_the_declared_range_are_said_once() -> None:
    """n = 2, γ = ½: rewards of 0 … 1 add up to 1.5 at most."""
    config = DQNConfig(hidden=(), n_step=2, gamma=0.5, reward_scale=0.1, batch_size=4, num_envs=4)
    for reward, wrong in ((1.0, False), (1.01, True), (-0.01, True), (0.0, False)):
        agent = build_dqn(config, (2,), np.float32, 2, seed=0)
        s, no = np.ones((4, 2)), np.zeros(4, bool)
        for _ in range(3):
            agent.observe(s, np.zeros(4), np.full(4, reward), no, no, s)
        dog = Watchdog()
        said = dog.rewards(agent, (0.0, 1.0))
        assert (said is not None) == wrong, reward
        assert not wrong or "give --reward-range" in (said or "")
        assert dog.rewards(agent, (0.0, 1.0)) is None
        assert dog.rewards(agent, None) is None
