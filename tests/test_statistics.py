"""Interquartile mean and bootstrap, against numbers by hand, scipy, and their own promise."""

import numpy as np
import pytest
from scipy import stats

from drl.statistics import bootstrap_interval, interquartile_mean


def test_interquartile_mean_by_hand() -> None:
    assert interquartile_mean(np.array([8, 1, 3, 100])) == 5.5  # (3 + 8)/2: ends left out
    assert interquartile_mean(np.array([1, 2, 6])) == 3  # of fewer than four nothing is left out
    assert interquartile_mean(np.array([0, 1, 2, 3, 1000])) == 2


def test_interquartile_mean_over_the_last_axis_is_scipys() -> None:
    values = np.random.default_rng(0).normal(size=(5, 11))
    expected = stats.trim_mean(values, 0.25, axis=1)
    np.testing.assert_allclose(interquartile_mean(values), expected, rtol=1e-12)


def test_interval_is_scipys_but_for_the_draws() -> None:
    values = np.random.default_rng(1).normal(size=30)
    ours = bootstrap_interval(values, resamples=20_000)
    theirs = stats.bootstrap(
        (values,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile",
        n_resamples=20_000, rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    np.testing.assert_allclose(ours, tuple(theirs), atol=0.03)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    intervals = [bootstrap_interval(rng.normal(size=20), resamples=500) for _ in range(400)]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    assert 0.88 < covered < 0.98


def test_same_seed_same_interval_and_equal_values_leave_no_doubt() -> None:
    values = np.random.default_rng(4).normal(size=15)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)
    assert bootstrap_interval(np.full(6, 3.0)) == (3.0, 3.0)


def test_too_few() -> None:
    with pytest.raises(ValueError, match="no values"):
        interquartile_mean(np.array([]))
    with pytest.raises(ValueError, match="at least 2"):
        bootstrap_interval(np.array([1.0]))
