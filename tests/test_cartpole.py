"""Our CartPole is Gymnasium's, to the last bit."""

import gymnasium as gym
import numba
import numpy as np
import pytest

from envs.cartpole import EULER_LOOP, CartPole, accelerations, euler, euler_loop

both = pytest.mark.parametrize("fast", [False, True], ids=["numpy", "compiled"])


@pytest.mark.parametrize("count", [1, 3, 16, 100])
@both
def test_physics_bit_for_bit(count: int, fast: bool) -> None:
    """10,000 random steps in all, each from the same state as Gymnasium's."""
    rng = np.random.default_rng(count)
    ours = CartPole(num_envs=count, seed=1, time_limit=0, compiled=fast)
    assert (ours.euler is euler) != fast
    theirs = gym.make("CartPole-v1").unwrapped
    theirs.reset(seed=0)
    ours.reset()
    for _ in range(10_000 // count):
        before, actions = ours.rows.copy(), rng.integers(2, size=count)
        moved = ours.step(actions)
        after, _, terminated = ours.advance(before, actions)
        for i in range(count):
            theirs.state, theirs.steps_beyond_terminated = before[:, i].copy(), None
            obs, reward, ended, _, _ = theirs.step(int(actions[i]))
            assert np.array_equal(theirs.state, after[:, i])
            assert np.array_equal(obs, moved.final_obs[i])
            assert reward == moved.reward[i]
            assert ended == moved.terminated[i] == terminated[i]


@pytest.mark.parametrize("count", [1, 16, 33])
def test_compiled_is_numpy_bit_for_bit(count: int) -> None:
    """10,000 steps of each environment, resets and the clock's cuts among them."""
    a, b = (CartPole(num_envs=count, seed=2, time_limit=30, compiled=c) for c in (False, True))
    assert np.array_equal(a.reset()[0], b.reset()[0])
    rng = np.random.default_rng(count)
    for _ in range(10_000):
        actions = rng.integers(2, size=count)
        x, y = a.step(actions), b.step(actions)
        assert np.array_equal(a.rows, b.rows)
        assert all(np.array_equal(i, j) for i, j in zip(x[:5], y[:5], strict=True))


def test_compiled_fuses_no_multiplication_with_an_addition() -> None:
    """A fused one rounds once where numpy rounds twice."""
    numba.extending.register_jitable(accelerations)
    loop = numba.njit(EULER_LOOP)(
        euler_loop
    )  # as drl.nn.compiled does; a kept one shows no assembly
    (assembly,) = loop.inspect_asm().values()
    assert "mulsd" in assembly or "mulpd" in assembly or "fmul" in assembly
    assert not any(fused in assembly for fused in ("fmadd", "fmsub", "fnmadd", "fmla"))


@both
def test_a_state_goes_on_with_or_without_compiled(fast: bool) -> None:
    a, b = CartPole(num_envs=3, seed=5, compiled=fast), CartPole(num_envs=3, compiled=not fast)
    a.reset()
    rng = np.random.default_rng(0)
    for _ in range(100):
        a.step(rng.integers(2, size=3))
    b.load_state(a.state())
    for _ in range(300):
        actions = rng.integers(2, size=3)
        x, y = a.step(actions), b.step(actions)
        assert all(np.array_equal(i, j) for i, j in zip(x[:5], y[:5], strict=True))


@both
def test_limits_are_gymnasiums(fast: bool) -> None:
    theirs = gym.make("CartPole-v1")
    assert theirs.spec.max_episode_steps == CartPole().time_limit
    ours = CartPole(num_envs=4, compiled=fast)
    x, theta = theirs.unwrapped.x_threshold, theirs.unwrapped.theta_threshold_radians
    rows = np.zeros((4, 4))
    rows[0] = [x, np.nextafter(x, 9), 0, 0]
    rows[2] = [0, 0, -theta, np.nextafter(-theta, -9)]
    _, _, terminated = ours.advance(rows, np.ones(4, int))
    assert terminated.tolist() == [False, True, False, True]


def test_truncates_after_500_steps_of_life_and_not_before() -> None:
    env = CartPole(num_envs=1, time_limit=500)
    env.reset()
    for step in range(1, 501):
        env.rows[:] = 0.0  # held upright
        moved = env.step(np.array([step % 2]))
        assert moved.truncated[0] == (step == 500) and not moved.terminated[0]
    assert env.elapsed[0] == 0
