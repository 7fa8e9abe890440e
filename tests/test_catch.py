"""Catch: its rules by hand, its optimum by value iteration, and an agent that reaches it."""

import numpy as np
from made import dqn_in, task

from agents import DQNConfig, evaluate
from envs import make
from envs.catch import Catch, optimal_value


def test_a_ball_falls_nine_steps_and_is_paid_at_the_bottom() -> None:
    env = Catch(num_envs=2, seed=0)
    env.reset()
    env.rows[1], env.rows[2] = [3, 0], [2, 2]
    for _ in range(8):
        moved = env.step(np.array([2, 2]))  # both go right: one stays under its ball, one leaves
        assert not moved.terminated.any() and not moved.reward.any()
        env.rows[2] = np.minimum(env.rows[2], 3)
    moved = env.step(np.array([1, 1]))
    assert moved.terminated.all() and moved.reward.tolist() == [1.0, -1.0]
    last = moved.final_obs[0, :, :, 0]
    assert last[9].tolist() == [False, False, False, True, False] and last[:9].sum() == 0
    first = moved.obs[0, :, :, 0]  # the next episode: ball on top, paddle in the middle
    assert first[0].sum() == 1 and first[9].tolist() == [False, False, True, False, False]


def test_the_paddle_stops_at_the_walls() -> None:
    env = Catch(num_envs=2, seed=0)
    env.reset()
    for _ in range(5):
        env.step(np.array([0, 2]))
    assert env.rows[2].tolist() == [0, 4]


def test_optimal_value_is_what_value_iteration_finds() -> None:
    """Backwards from the bottom row, through the environment's own `advance`."""
    gamma, env = 0.9, Catch(num_envs=25)
    ball, paddle = np.divmod(np.arange(25.0), 5)
    value = np.zeros(25)
    for row in range(8, -1, -1):
        rows = np.stack([np.full(25, float(row)), ball, paddle])
        choices = []
        for action in range(3):
            moved, reward, down = env.advance(rows, np.full(25, action))
            after = value[(moved[1] * 5 + moved[2]).astype(int)]
            choices.append(reward + gamma * np.where(down, 0.0, after))
        value = np.max(choices, axis=0)
        np.testing.assert_allclose(value, optimal_value(rows, gamma), rtol=1e-12)


def test_an_agent_reaches_the_optimum() -> None:
    config = DQNConfig(
        hidden=(32,), gamma=0.9, lr=2e-3, lr_end=1e-5, lr_steps=8_000,
        updates_per_step=0.5, epsilon_steps=8_000, tau=0.02,
    )  # fmt: skip
    envs = make("drl/Catch-v0", 8, seed=1)
    agent = dqn_in(config, envs, seed=1, steps=16_000)
    for _ in task(agent, envs).run(16_000):
        pass
    assert evaluate(agent.policy(), make("drl/Catch-v0", 50, seed=2), 100).mean == 1.0
    env = Catch(num_envs=5)
    env.reset()
    env.rows = np.stack([np.full(5, 0.0), np.arange(5.0), np.full(5, 2.0)])
    q = agent.net(env.observe(env.rows)).max(axis=1)
    np.testing.assert_allclose(q, optimal_value(env.rows, 0.9), atol=0.05)
