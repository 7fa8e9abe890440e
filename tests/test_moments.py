"""Mean and variance gathered in parts: by hand, against numpy on all at once, in any order."""

import numpy as np
import pytest

from drl.nn.moments import Moments


def gathered(*parts):
    moments = Moments(np.shape(parts[0])[1:])
    for part in parts:
        moments.add(np.asarray(part))
    return moments


def test_two_merges_by_hand():
    # 1, 3: μ = 2, σ² = 1.  Then 8: δ = 6, n = 3, μ = 2 + 6/3 = 4,
    # σ² = (2·1 + 1·0)/3 + 36 · (2·1)/9 = 2/3 + 8 = 26/3, which is ((−3)² + (−1)² + 4²)/3
    moments = gathered([[1.0], [3.0]])
    assert (moments.mean.tolist(), moments.variance.tolist(), moments.count) == ([2], [1], 2)
    moments.add(np.array([[8.0]]))
    np.testing.assert_allclose(moments.mean, [4], rtol=1e-15)
    np.testing.assert_allclose(moments.variance, [26 / 3], rtol=1e-15)
    assert moments.count == 3


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2, 3)])
def test_parts_in_any_order_are_all_at_once(shape):
    """16 environments a step, one a step, everything in one go: the same to rounding."""
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (160, *shape)) * 10.0 ** rng.integers(-3, 4, shape)
    expected = x.mean(axis=0), x.var(axis=0)
    for parts in (
        np.split(x, 10), np.split(x, 160), [x], np.split(rng.permutation(x), 32),
        [x[:1], x[1:150], x[150:]],
    ):  # fmt: skip
        moments = gathered(*parts)
        np.testing.assert_allclose(moments.mean, expected[0], rtol=1e-12)
        np.testing.assert_allclose(moments.variance, expected[1], rtol=1e-11)
        assert moments.count == 160


def test_environments_apart_merge_into_what_they_are_together():
    x = np.random.default_rng(1).normal(size=(50, 4, 3))  # 50 steps of 4 environments
    together, apart = gathered(*x), Moments((3,))
    for env in range(4):
        own = gathered(x[:, env])
        apart.merge(own.mean, own.variance, float(own.count))
    np.testing.assert_allclose(apart.mean, together.mean, rtol=1e-12)
    np.testing.assert_allclose(apart.variance, together.variance, rtol=1e-12)


def test_a_large_mean_does_not_drown_a_small_spread():
    """The textbook's E[x²] − μ² would give 0 or less."""
    x = 1e9 + np.random.default_rng(2).normal(size=(1000, 1))
    np.testing.assert_allclose(gathered(*np.split(x, 50)).variance, x.var(axis=0), rtol=1e-6)


def test_float32_samples_are_summed_in_float64():
    x = np.full((4096, 1), 0.1, np.float32)
    moments = gathered(*np.split(x, 64))
    assert abs(float(moments.mean[0]) - float(x[0, 0])) < 1e-15


def test_deviation_of_what_does_not_vary_is_1():
    x = np.full((1000, 4), 0.1, np.float32)  # its mean has rounding, which is no spread
    x[:, 1] = np.linspace(0, 1, 1000)
    x[:, 2] = 1e-5 * np.linspace(0, 1, 1000)  # small numbers have a spread as others
    x[:, 3] = 0
    std, varied = gathered(*np.split(x, 10)).std()
    assert varied.tolist() == [False, True, True, False]
    assert std[[0, 3]].tolist() == [1, 1]
    np.testing.assert_allclose(std[2] / std[1], 1e-5, rtol=1e-6)


def test_nothing_merged_changes_nothing():
    moments = Moments((2,))
    moments.merge(np.ones(2), np.ones(2), 0.0)
    assert moments.mean.tolist() == [0, 0] and moments.std()[0].tolist() == [1, 1]
    moments.add(np.ones((3, 2)))
    moments.clear()
    assert moments.count == 0 and moments.mean.tolist() == [0, 0]
