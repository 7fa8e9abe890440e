"""Our CartPole is Gymnasium's, to the last bit."""

import gymnasium as gym
import numpy as np
import pytest

from envs.cartpole import CartPole


@pytest.mark.parametrize("worlds", [1, 3, 16, 100])
def test_physics_bit_for_bit(worlds: int) -> None:
    """10,000 random steps in all, each from the same state as Gymnasium's."""
    rng = np.random.default_rng(worlds)
    ours = CartPole(num_envs=worlds, seed=1, time_limit=0)
    theirs = gym.make("CartPole-v1").unwrapped
    theirs.reset(seed=0)
    ours.reset()
    for _ in range(10_000 // worlds):
        before, actions = ours.rows.copy(), rng.integers(2, size=worlds)
        moved = ours.step(actions)
        after, _, terminated = ours.advance(before, actions)
        for i in range(worlds):
            theirs.state, theirs.steps_beyond_terminated = before[:, i].copy(), None
            obs, reward, ended, _, _ = theirs.step(int(actions[i]))
            assert np.array_equal(theirs.state, after[:, i])
            assert np.array_equal(obs, moved.successor[i])
            assert reward == moved.reward[i]
            assert ended == moved.terminated[i] == terminated[i]


def test_limits_are_gymnasiums() -> None:
    theirs = gym.make("CartPole-v1")
    assert theirs.spec.max_episode_steps == CartPole().time_limit
    ours = CartPole(num_envs=4)
    x, theta = theirs.unwrapped.x_threshold, theirs.unwrapped.theta_threshold_radians
    rows = np.zeros((4, 4))
    rows[0] = [x, np.nextafter(x, 9), 0, 0]
    rows[2] = [0, 0, -theta, np.nextafter(-theta, -9)]
    _, _, terminated = ours.advance(rows, np.ones(4))
    assert terminated.tolist() == [False, True, False, True]


def test_truncates_after_500_steps_of_life_and_not_before() -> None:
    env = CartPole(num_envs=1, time_limit=500)
    env.reset()
    for step in range(1, 501):
        env.rows[:] = 0.0  # held upright
        moved = env.step(np.array([step % 2]))
        assert moved.truncated[0] == (step == 500) and not moved.terminated[0]
    assert env.elapsed[0] == 0
