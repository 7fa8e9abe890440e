"""The layer that normalises its inputs, and the buffers that a network keeps for it."""

import copy
import pickle

import numpy as np
import pytest

from drl.nn import Branches, Flatten, Linear, Network, Normalise, Scale, Slice, Tanh, make_ops
from drl.nn.gradcheck import check_network

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)


def single(shape, library="numpy", dtype="float64", **settings):
    net = Network([Normalise(**settings)], shape, make_ops(library, dtype))
    return net, net.layers[0]


def moved(layer, mean, variance, count=5.0):
    layer.merge(np.asarray(mean, float), np.asarray(variance, float), count)


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_by_hand(library, dtype):
    # μ = (1, −2), σ² = (4, 0.25), c = 3: (7 − 1)/2 = 3 is at the limit, (−6 + 2)/0.5 = −8 beyond
    net, layer = single(2, library, dtype, limit=3.0)
    moved(layer, [1, -2], [4, 0.25])
    y, backward = net.forward([[3.0, -1.5], [7.5, -6.0], [0.0, -2.0]])
    dx = backward([[10.0, 10.0]] * 3, inputs=True)
    assert net.ops.numpy(y).tolist() == [[1, 1], [3, -3], [-0.5, 0]]
    # 1/σ = (0.5, 2), and 0 where it was cut
    assert net.ops.numpy(dx).tolist() == [[5, 20], [0, 0], [5, 20]]
    assert str(y.dtype).endswith(dtype)


@each_library
def test_before_anything_was_seen_inputs_are_cut_at_most(library):
    net, _ = single(2, library)
    assert net.ops.numpy(net([[3.0, -30.0]])).tolist() == [[3, -10]]


@each_library
def test_some_inputs_pass_as_they_are(library):
    net, layer = single(3, library, where=[True, False, True])
    moved(layer, [1, 5, 1], [4, 4, 4])
    assert net.ops.numpy(net([[3.0, 300.0, 3.0]])).tolist() == [[1, 300, 1]]
    _, backward = net.forward([[3.0, 300.0, 300.0]])
    assert net.ops.numpy(backward([[1.0, 1.0, 1.0]], inputs=True)).tolist() == [[0.5, 1, 0]]
    assert net.buffers["normalise0.mean"].tolist() == [1, 0, 1]


@each_library
def test_channels_of_images_have_statistics_of_all_positions(library):
    x = np.random.default_rng(0).normal(3, 2, (50, 4, 5, 2))
    net, layer = single((4, 5, 2), library)
    layer.merge(x.mean(axis=0), x.var(axis=0), 50.0)
    flat = x.reshape(-1, 2)
    np.testing.assert_allclose(net.buffers["normalise0.mean"], flat.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(net.buffers["normalise0.variance"], flat.var(axis=0), rtol=1e-13)
    y = net.ops.numpy(net(x))
    np.testing.assert_allclose(y, (x - flat.mean(axis=0)) / flat.std(axis=0), atol=1e-12)


@each_library
def test_its_derivative_with_some_inputs_cut(library):
    ops = make_ops(library, "float64")
    net = Network([Normalise(1.0), Linear(4), Tanh()], 3, ops)
    moved(net.layers[0], [0.1, -1, 2], [1, 0.3, 4])
    x = ops.asarray(np.random.default_rng(1).normal(size=(6, 3)))
    y = net.ops.numpy(net.activations(x)["normalise0"])
    assert 0 < (abs(y) == 1).sum() < y.size
    errors = check_network(net, x, lambda y: (ops.sum(y * y) / 2, y), rows=4)
    assert max(errors.values()) < 1e-7


def test_libraries_agree():
    x = np.random.default_rng(2).normal(4, 30, (20, 3))
    results = []
    for library in LIBRARIES:
        net, layer = single(3, library, "float32")
        layer.merge(x[:10].mean(axis=0), x[:10].var(axis=0), 10.0)
        results.append(net.ops.numpy(net(x)))
    assert np.array_equal(*results)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normalise(0.0), "limit above 0"),
        (lambda: single(3, where=[True]), r"\(1,\) does not fit"),
    ],
)
def test_misfits_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -- buffers of a network -------------------------------------------------------------------------
def network(library="numpy", mean=3.0):
    layers = [
        Scale(0.5),
        Branches({
            "vector": [Slice(0, 3), Normalise(), Linear(4)],
            "picture0": [Slice(3, 7, (2, 2, 1)), Flatten(), Linear(2)],
        }),
        Linear(2),
    ]  # fmt: skip
    net = Network(layers, 7, make_ops(library), seed=1)
    inner = net.layers[1].branches["vector"][1]
    moved(inner, [mean, 0, 1], [4, 1, 1])
    return net


MEAN = "branches0.vector.normalise0.mean"


@each_library
def test_a_network_knows_its_buffers_and_shows_the_layer(library):
    net = network(library)
    assert [*net.buffers] == [MEAN, MEAN.replace("mean", "variance"), MEAN.replace("mean", "count")]
    assert all(array.dtype == np.float64 for array in net.buffers.values())
    assert net.size == 3 * 4 + 4 + 4 * 2 + 2 + 6 * 2 + 2  # nothing in it is learnt
    assert "mean and deviation, from 5 observations, then cut to ±10: not learnt" in net.describe()


@each_library
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_has_buffers_of_its_own(library, copied):
    net = network(library)
    x = np.random.default_rng(0).normal(3, 9, (5, 7))
    before, other = net.ops.numpy(net(x)).copy(), copied(net)
    assert np.array_equal(other.ops.numpy(other(x)), before)
    inner = other.layers[1].branches["vector"][1]
    moved(inner, [100, 100, 100], [1, 1, 1], 50.0)
    assert other.buffers[MEAN] is inner.moments.mean
    assert not np.array_equal(other.ops.numpy(other(x)), before)
    assert np.array_equal(net.ops.numpy(net(x)), before)


@each_library
def test_copying_a_network_copies_buffers_averaging_does_not(library):
    net, other = network(library), network(library, mean=50.0)
    net.copy_from(other, 0.5)
    assert net.buffers[MEAN][0] == 3
    net.copy_from(other)
    assert net.buffers[MEAN][0] == 50
    x = np.random.default_rng(0).normal(3, 9, (5, 7))
    assert np.array_equal(net.ops.numpy(net(x)), other.ops.numpy(other(x)))


@each_library
def test_saved_and_restored(library):
    net, other = network(library), network(library, mean=50.0)
    state = net.saved("target_net")
    assert [*state] == ["target_net", "target_net_buffers"]
    other.restore(state, "target_net")
    x = np.random.default_rng(0).normal(3, 9, (5, 7))
    assert np.array_equal(net.ops.numpy(net(x)), other.ops.numpy(other(x)))
    state["target_net_buffers"][MEAN][:] = 7  # a copy
    assert net.buffers[MEAN][0] == 3


def test_a_network_without_buffers_saves_nothing_more():
    net = Network([Linear(2)], 3, make_ops("numpy"))
    assert [*net.saved()] == ["net"] and net.buffers == {}
    net.restore({"net": net.params.copy()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.pop(MEAN), "has the buffers"),
        (lambda b: b.update(other=np.zeros(3)), "has the buffers"),
        (lambda b: b.update({MEAN: np.zeros(4)}), r"should have the shape \(3,\)"),
        (lambda b: b.update({MEAN: 3.0}), "should have the shape"),
        (lambda b: b.update({MEAN: np.zeros(3, np.float32)}), "float64"),
        (lambda b: b.update({MEAN: np.array([1, np.nan, 0])}), "finite"),
    ],
)
def test_buffers_that_do_not_fit_are_refused_and_nothing_is_changed(change, message):
    net = network()
    state = network(mean=50.0).saved()
    change(state["net_buffers"])
    before = net.params.copy()
    with pytest.raises(ValueError, match=message):
        net.restore(state)
    assert np.array_equal(net.params, before) and net.buffers[MEAN][0] == 3


def test_a_policy_without_its_statistics_is_refused():
    net = network()
    with pytest.raises(ValueError, match="has the buffers"):
        net.restore({"net": net.params.copy()})
