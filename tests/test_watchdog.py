"""Warnings: said when due, once, and not otherwise."""

import numpy as np

from agents import DQNConfig, build_dqn, diagnostics
from drl.cli.watchdog import Watchdog


def test_collapse_is_said_at_the_third_low_check_in_a_row() -> None:
    dog = Watchdog()
    said = [dog.check(mean, 400.0) is not None for mean in (100, 100, 300, 100, 100, 199, 100, 100)]
    assert said == [False, False, False, False, False, True, False, False]


def test_collapse_of_negative_returns() -> None:
    dog = Watchdog()  # best −80: half as good is −160
    assert [dog.check(mean, -80.0) is not None for mean in (-161, -200, -161)] == [0, 0, 1]
    assert [dog.check(mean, -80.0) is not None for mean in (-159, -159, -159)] == [0, 0, 0]


def test_explosion_is_measured_against_what_rewards_can_add_up_to() -> None:
    config = DQNConfig(hidden=(), n_step=1, gamma=0.9, reward_scale=0.5, batch=4, num_envs=4)
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
    assert "Q explodes" in (dog.values(agent, learned) or "")
    assert dog.values(agent, learned) is None  # said once


def test_without_a_reward_nothing_is_said() -> None:
    """A game that has not paid yet: whatever Q is, it may be right."""
    agent = build_dqn(DQNConfig(hidden=(), batch=4, num_envs=4), (2,), np.float32, 2, seed=0)
    s, no = np.ones((4, 2)), np.zeros(4, bool)
    agent.observe(s, np.zeros(4), np.zeros(4), no, no, s)
    assert Watchdog().values(agent, agent.learn()) is None
