"""What an agent gathers of observations and returns, on its way into its networks."""

import numpy as np
import pytest

from agents.normalisation import ObservationStatistics, ReturnScale
from drl.nn import Adam, Linear, Network, Normalise, ReLU, make_ops


def networks():
    return [
        Network([Normalise(), Linear(4), ReLU(), Linear(2)], 3, make_ops("numpy"), seed)
        for seed in (1, 2)
    ]


def test_observations_move_into_all_networks_at_once():
    net, target = networks()
    statistics = ObservationStatistics([(net, Adam(net)), (target, None)])
    x = np.random.default_rng(0).normal(5, 3, (40, 8, 3))
    for step, obs in enumerate(x):
        statistics.see(obs)
        if step in (9, 24):
            before = net.buffers["normalise0.count"].copy()
            statistics.move()
            assert net.buffers["normalise0.count"] == 8 * (step + 1) > before
    statistics.move()
    for each in (net, target):
        flat = x.reshape(-1, 3)
        np.testing.assert_allclose(each.buffers["normalise0.mean"], flat.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(each.buffers["normalise0.variance"], flat.var(axis=0))


def test_statistics_between_two_moves_are_saved():
    first, second = networks(), networks()
    x = np.random.default_rng(0).normal(5, 3, (10, 8, 3))
    one = ObservationStatistics([(net, None) for net in first])
    other = ObservationStatistics([(net, None) for net in second])
    for obs in x[:5]:
        one.see(obs)
    other.load_state(one.state())
    for obs in x[5:]:
        one.see(obs)
        other.see(obs)
    one.move()
    other.move()
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(a.buffers[name], b.buffers[name]) for name in a.buffers)


def test_a_network_that_normalises_nothing_is_refused():
    net = Network([Linear(2)], 3, make_ops("numpy"))
    with pytest.raises(ValueError, match="no Normalise layer"):
        ObservationStatistics([(net, None)])


def test_the_deviation_of_the_discounted_return_by_hand():
    # γ = ½, two environments.  G: (1, 2), then (½ + 1, 1 + 0) = (1.5, 1); the first ends, then
    # (0 + 3, ½ + 1) = (3, 1.5).
    scale = ReturnScale(0.5, 2)
    over = np.array([[False, False], [True, False], [False, False]])
    for r, ended in zip([[1, 2], [1, 0], [3, 1]], over, strict=True):
        scale.see(None, np.array(r, float), ended)
    assert scale.std == 1.0  # until it moves
    scale.move()
    assert scale.std == pytest.approx(np.std([1, 2, 1.5, 1, 3, 1.5]), rel=1e-14)
    r = scale.scaled(make_ops("numpy", "float64"), np.array([1.0, -1000.0]))
    assert r.tolist() == [pytest.approx(1 / scale.std), -10]


def test_returns_begin_anew_where_episodes_are_interrupted():
    scale = ReturnScale(1.0, 3)
    scale.see(None, np.ones(3), np.zeros(3, bool))
    scale.interrupt_episodes(np.array([True, False, False]))
    assert scale.returns.tolist() == [0, 1, 1]
    scale.interrupt_episodes()
    assert scale.returns.tolist() == [0, 0, 0]


def test_the_scale_of_returns_is_saved():
    rng, one, other = np.random.default_rng(0), ReturnScale(0.9, 4), ReturnScale(0.9, 4)
    for _ in range(50):
        one.see(None, rng.normal(size=4), rng.random(4) < 0.1)
    one.move()
    one.see(None, rng.normal(size=4), rng.random(4) < 0.1)
    other.load_state(one.state())
    assert other.std == one.std
    r = rng.normal(size=4)
    for scale in (one, other):
        scale.see(None, r, np.zeros(4, bool))
        scale.move()
    assert other.std == one.std and np.array_equal(other.returns, one.returns)


@pytest.mark.parametrize(
    "change", [{"std": 0.0}, {"std": np.nan}, {"count": np.array(-1.0)}, {"mean": np.zeros(2)}]
)
def test_a_damaged_scale_is_refused(change):
    scale = ReturnScale(0.9, 4)
    with pytest.raises(ValueError):
        scale.load_state(scale.state() | change)
