"""Actor and critic as branches: parts of one network, apart or on a shared trunk."""

import copy

import numpy as np
import pytest

from drl.nn import (
    Branches,
    Conv2d,
    Flatten,
    Free,
    LayerNorm,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    Scale,
    Tanh,
    make_ops,
    part,
)
from drl.nn.init import Orthogonal, orthogonal
from drl.nn.noisy import NoisyLinear

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])


def apart():
    return [
        Branches({
            "mean": [Linear(5), Tanh(), Linear(2)],
            "log_std": [Free(2, -0.5)],
            "value": [Linear(4), Tanh(), Linear(1)],
        })
    ]  # fmt: skip


def shared():
    return [Linear(6), Tanh(), *apart()]


def made(layers, library="numpy"):
    net = Network(layers(), 3, make_ops(library, "float64"), seed=1)
    rng = np.random.default_rng(0)
    net.params[:] = net.ops.asarray(rng.normal(0, 0.5, net.size))
    return net, net.ops.asarray(rng.normal(size=(4, 3)))


@each_library
@pytest.mark.parametrize("layers", [apart, shared])
def test_a_part_is_the_network_cut(layers, library):
    """Its outputs are those columns; its pullback gives what the whole gives for dy there alone."""
    net, x = made(layers, library)
    y = net.ops.numpy(net(x))
    for names, columns in (
        (("mean",), [0, 1]), (("value",), [4]), (("mean", "log_std"), [0, 1, 2, 3]),
        (("value", "mean"), [4, 0, 1]),
    ):  # fmt: skip
        some = part(net, *names)
        y_part, backward = some.forward(x)
        np.testing.assert_array_equal(net.ops.numpy(y_part), y[:, columns])
        dy = np.random.default_rng(1).normal(size=(4, len(columns)))
        whole = np.zeros((4, 5))
        whole[:, columns] = dy
        dx_whole = net.ops.numpy(net.forward(x)[1](whole, inputs=True)).copy()
        expected = net.ops.numpy(net.grads).copy()
        net.grads[:] = 7.0
        dx = net.ops.numpy(backward(dy, inputs=True))
        np.testing.assert_allclose(dx, dx_whole, rtol=1e-12, atol=1e-15)
        seen = net.ops.numpy(net.grads)
        inside = np.zeros(net.size, bool)
        for name in net.spans:
            branch = name.removeprefix("branches0.").split(".")[0]
            inside[net.spans[name]] = branch in names or not name.startswith("branches0")
        np.testing.assert_allclose(seen[inside], expected[inside], rtol=1e-12, atol=1e-15)
        assert (seen[~inside] == 7.0).all()  # the other branches' are left alone
        assert some.params is net.params


@each_library
def test_a_copy_of_both_stays_together(library):
    net, x = made(shared, library)
    pair = copy.deepcopy((net, part(net, "mean", "log_std"), part(net, "value")))
    pair[0].params[:] = 0.25
    whole = pair[0].ops.numpy(pair[0](x))
    for some, columns in zip(pair[1:], ([0, 1, 2, 3], [4]), strict=True):
        np.testing.assert_array_equal(some.ops.numpy(some(x)), whole[:, columns])
    assert not (net.ops.numpy(net(x)) == whole).all()


def test_a_part_of_one_branch_is_a_plain_chain():
    net, _ = made(apart)
    assert [layer.name for layer in part(net, "value").layers] == [
        "value.linear0", "value.tanh0", "value.linear1",
    ]  # fmt: skip
    assert part(net, "value").output_shapes == [(4,), (4,), (1,)]


@each_library
def test_free_by_hand(library):
    net = Network([Free(2, -0.5)], 3, make_ops(library, "float64"))
    y, backward = net.forward(np.ones((3, 3)))
    assert y.tolist() == [[-0.5, -0.5]] * 3
    dx = backward(np.array([[1.0, 2.0], [10.0, 20.0]]), inputs=True)  # L sees two of three
    assert net.ops.numpy(net.grads).tolist() == [11, 22]
    assert dx.tolist() == [[0.0] * 3] * 2


def test_misfits_are_named():
    net, _ = made(apart)
    with pytest.raises(ValueError, match="no branch 'policy' among mean, log_std, value"):
        part(net, "policy")
    with pytest.raises(ValueError, match="name at least 1 branch of mean, log_std, value"):
        part(net)
    with pytest.raises(ValueError, match="not in linear0"):
        part(Network([Linear(2)], 3, make_ops("numpy")), "mean")
    with pytest.raises(ValueError, match="at least 1"):
        Free(0)


def test_orthogonal_has_its_gain():
    for gain in (0.01, 1.0, 3.0):
        W = Orthogonal(gain)(np.random.default_rng(0), 6, 4)
        np.testing.assert_allclose(W.T @ W, gain**2 * np.eye(4), atol=1e-14 * gain**2)
        same = orthogonal(np.random.default_rng(0), 6, 4) * gain / np.sqrt(2)
        np.testing.assert_allclose(W, same, rtol=1e-14)


def frozen_layers():
    return {
        "dense": (3, [Linear(5), Tanh(), LayerNorm(), Linear(4), ReLU(), Linear(2)]),
        "branches": (3, [Linear(4), *apart()]),
        "convolution": ((4, 4, 2), [Conv2d(3, 2), Tanh(), MaxPool2d(2), Flatten(), Linear(2)]),
        "noisy": (3, [NoisyLinear(4), Tanh(), Linear(2)]),
        "first without parameters": (3, [Scale(2.0), Linear(2)]),
    }


@each_library
@pytest.mark.parametrize("name", frozen_layers())
@pytest.mark.parametrize("rows", [4, 2])
def test_the_inputs_gradient_alone(name, rows, library):
    """params=False: the same ∂L/∂x, to the bit, and `grads` as they were."""
    shape, layers = frozen_layers()[name]
    net = Network(layers, shape, make_ops(library, "float64"), seed=2)
    rng = np.random.default_rng(0)
    y, backward = net.forward(rng.normal(size=(4, *net.input_shape)))
    dy = rng.normal(size=(rows, y.shape[1]))
    expected = net.ops.numpy(backward(dy, inputs=True)).copy()
    net.grads[:] = 7.0
    np.testing.assert_array_equal(net.ops.numpy(backward(dy, params=False)), expected)
    assert (net.ops.numpy(net.grads) == 7.0).all()
