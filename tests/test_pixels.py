"""CartPole from images: the physics of CartPole, drawn where they say."""

import numpy as np

from envs.cartpole import X_LIMIT, CartPole
from envs.pixels import HEIGHT, SCALE, WIDTH, CartPolePixels, draw


def test_physics_and_rewards_are_cartpoles() -> None:
    a, b = CartPole(num_envs=4, seed=3), CartPolePixels(num_envs=4, seed=3)
    a.reset(), b.reset()
    rng = np.random.default_rng(0)
    for _ in range(200):
        actions = rng.integers(2, size=4)
        x, y = a.step(actions), b.step(actions)
        assert np.array_equal(a.rows, b.rows[:4])
        assert np.array_equal(x.reward, y.reward) and np.array_equal(x.terminated, y.terminated)


def test_a_stack_is_the_picture_before_and_now() -> None:
    env = CartPolePixels(num_envs=3, seed=3)
    first, _ = env.reset()
    assert np.array_equal(first[..., 0], first[..., 1])
    before, ends = first, 0
    for step in range(100):
        moved = env.step(np.full(3, step // 7 % 2))
        assert np.array_equal(moved.final_obs[..., 0], before[..., 1])
        ended = moved.terminated
        ends += int(ended.sum())
        assert np.array_equal(moved.obs[ended][..., 0], moved.obs[ended][..., 1])
        before = moved.obs
    assert ends > 0


def test_the_cart_is_where_x_is() -> None:
    """The centre of its grey, to a quarter of a pixel, over the whole track."""
    x = np.linspace(-2.0, 2.0, 101)
    cart = draw(x, np.zeros(101))[:, -3:, :].astype(float).sum(axis=1)
    centre = (cart * (np.arange(WIDTH) + 0.5)).sum(axis=1) / cart.sum(axis=1)
    assert np.abs(centre - (x + X_LIMIT) * SCALE).max() <= 0.26


def test_the_pole_leans_as_theta_says() -> None:
    """Height and shift of its upper half's middle: 3/4 of a metre along it, from the hinge."""
    for degrees in (-12, -5, 0, 3, 12):
        theta = np.radians(degrees)
        image = draw(np.array([0.0]), np.array([theta]))[0].astype(float)
        tip = image[: HEIGHT - 4 - int(round(SCALE / 2 * np.cos(theta)))]
        rows, columns = np.indices(tip.shape) + 0.5
        right = (tip * columns).sum() / tip.sum() - WIDTH / 2
        up = HEIGHT - 4 - (tip * rows).sum() / tip.sum()
        assert abs(right - up * np.tan(theta)) < 0.3, degrees
    left, straight = draw(np.zeros(2), np.array([-0.01, 0.0]))
    assert not np.array_equal(left, straight)  # half a degree shows


def test_at_the_ends_of_the_track_half_a_cart_is_left() -> None:
    ends = draw(np.array([-9.0, -X_LIMIT, X_LIMIT, 9.0]), np.zeros(4))
    assert np.array_equal(ends[0], ends[1]) and ends[1, -1, 0] > 0 and ends[2, -1, -1] > 0
