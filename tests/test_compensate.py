"""Statistics that move leave the network's function as it is: to the last digits, in float64."""

import numpy as np
import pytest

from drl.nn import (
    MLP,
    Adam,
    Branches,
    Conv2d,
    Flatten,
    Linear,
    Momentum,
    Network,
    Normalise,
    ReLU,
    RMSProp,
    Scale,
    Slice,
    Tanh,
    make_ops,
)
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.compensate import FROZEN_AFTER, places, renormalise
from drl.nn.dueling import Dueling
from drl.nn.moments import Moments
from drl.nn.noisy import NoisyLinear

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])
FAR = 1e9  # a limit that nothing reaches


def seen(x):
    moments = Moments(x.shape[1:])
    moments.add(x)
    return moments


def normalise(**settings):
    return Normalise(FAR, **settings)


def two_parts():
    """A vector of 4 beside a picture of 3×3 with 2 channels: 22 numbers."""
    return [
        Scale(0.1),
        Branches({
            "vector": [Slice(0, 4), Scale((1.0, 2.0, 3.0, 4.0)), normalise(), Linear(5), ReLU()],
            "picture0": [Slice(4, 22, (3, 3, 2)), normalise(), Conv2d(3, 2), Tanh(), Flatten()],
        }),
        Linear(2),
    ]  # fmt: skip


NETWORKS = {
    "linear": ((4,), lambda: [normalise(), Linear(5), Tanh(), Linear(2)]),
    "scaled": ((4,), lambda: [Scale((1e-3, 2, 3, 1)), normalise(), Linear(5), Tanh(), Linear(2)]),
    "one layer": ((1,), lambda: [normalise(), Linear(1)]),
    "flattened": ((3, 2), lambda: [normalise(), Flatten(), Linear(5), Tanh(), Linear(2)]),
    "noisy": ((4,), lambda: [normalise(), NoisyLinear(5), Tanh(), NoisyLinear(2)]),
    "dueling": ((4,), lambda: [normalise(), Dueling(3, 2)]),
    "dueling, noisy": ((4,), lambda: [normalise(), Dueling(3, 1, NoisyLinear)]),
    "some inputs": (
        (4,), lambda: [normalise(where=[True, False, True, True]), Linear(5), Tanh(), Linear(2)]
    ),
    "a picture's channels": (
        (5, 4, 2), lambda: [normalise(), Conv2d(3, 2, 2), Tanh(), Flatten(), Linear(2)]
    ),
    "a picture, dense": ((3, 3, 2), lambda: [normalise(), Flatten(), Linear(5), Tanh(), Linear(2)]),
    "beside each other": ((22,), two_parts),
    "branches in a branch": (
        (22,), lambda: [Branches({"actor": two_parts(), "critic": [Slice(0, 4), Linear(1)]})]
    ),
    "beside actions": (
        (6,),
        lambda: [
            Branches({"obs": [Slice(0, 4), normalise()], "action": [Slice(4, 6)]}),
            Branches({"q1": [Linear(3), Tanh(), Linear(1)], "q2": [Linear(3), Tanh(), Linear(1)]}),
        ],
    ),
    "behind actions, in two branches": (
        (6,),
        lambda: [
            Branches({
                "action": [Slice(0, 1)], "a": [Slice(1, 3), normalise()],
                "b": [Slice(3, 6), normalise()],
            }),
            Linear(3), Tanh(), Linear(2),
        ],
    ),
    "running statistics": (
        (6,),
        lambda: [
            Branches({"obs": [Slice(0, 4), normalise()], "action": [Slice(4, 6)]}),
            Branches({"q1": [BatchRenorm(), Linear(3)], "q2": [BatchRenorm(), Linear(2)]}),
        ],
    ),
    "in front of branches": (
        (6,),
        lambda: [
            normalise(), Branches({"a": [Linear(3), Tanh()], "b": [Slice(2, 6), Linear(2)]}),
            Linear(2),
        ],
    ),
}  # fmt: skip


@pytest.fixture(params=NETWORKS)
def made(request):
    shape, layers = NETWORKS[request.param]

    def make(library):
        net = Network(layers(), shape, make_ops(library, "float64"), seed=1)
        rng = np.random.default_rng(2)
        net.params[:] = net.ops.asarray(rng.normal(0, 0.5, net.size))  # biases too
        return net, rng

    return make


def observations(rng, shape, n=64):
    """Of other units in every number, and of a mean that is not 0."""
    unit = 10.0 ** rng.integers(-2, 3, shape)
    return unit * (rng.normal(size=shape) + rng.normal(1, 2, (n, *shape)))


@each_library
def test_the_function_stays_the_same(made, library):
    net, rng = made(library)
    x = observations(rng, net.input_shape)
    renormalise(net, seen(x))
    for _ in range(3):
        before = net.ops.numpy(net(x)).copy()
        buffers = {name: array.copy() for name, array in net.buffers.items()}
        renormalise(net, seen(3 * observations(rng, net.input_shape, 200)))
        moved = {n: not np.array_equal(buffers[n], a) for n, a in net.buffers.items()}
        assert all(moved[n] for n in moved if "normalise" in n)
        after = net.ops.numpy(net(x))
        close = 1e-8 if any("batches" in n for n in net.buffers) else 1e-12  # σ² + ε rounds
        np.testing.assert_allclose(after, before, rtol=close, atol=close)


@each_library
def test_a_gradient_moves_the_other_way(made, library):
    """Adam's m of gradients, where all were taken at the old statistics, is that of the same
    gradients taken at the new ones."""
    net, rng = made(library)
    x = observations(rng, net.input_shape)
    renormalise(net, seen(x))
    optimizer = Momentum(net, momentum=0.0)

    def gradient():
        y, backward = net.forward(x)
        backward(y)
        return net.ops.numpy(net.grads).copy()

    optimizer.u[:] = net.ops.asarray(gradient())
    renormalise(net, seen(3 * observations(rng, net.input_shape, 200)), optimizer)
    expected = gradient()
    np.testing.assert_allclose(net.ops.numpy(optimizer.u), expected, rtol=1e-9, atol=1e-9)


@each_library
def test_by_hand(library):
    # μ 1 → 3, σ 2 → 4: k = 2, d = (3 − 1)/2 = 1.  W = 5 → 10, b = 7 → 7 + 5·1 = 12.
    # At x = 9: 5·(9 − 1)/2 + 7 = 27 = 10·(9 − 3)/4 + 12.
    # m: (6 − 1·4)/2 = 1;  v: (12 + 1²·8)/2² = 5; those of b stay.
    net = Network([Normalise(FAR), Linear(1)], 1, make_ops(library, "float64"))
    optimizer = Adam(net)
    first = Moments((1,))
    first.merge(np.array([1.0]), np.array([4.0]), 1.0)
    renormalise(net, first, optimizer)
    for vector, values in ((net.params, [5, 7]), (optimizer.m, [6, 4]), (optimizer.v, [12, 8])):
        vector[:] = net.ops.asarray(values)
    assert net.ops.numpy(net([[9.0]])).tolist() == [[27]]
    # 1 more of mean 5 and variance s: μ = 3, σ² = (4 + s)/2 + 16/4 = 16, so s = 20
    more = Moments((1,))
    more.merge(np.array([5.0]), np.array([20.0]), 1.0)
    renormalise(net, more, optimizer)
    assert net.buffers["normalise0.mean"].tolist() == [3]
    assert net.buffers["normalise0.variance"].tolist() == [16]
    assert net.ops.numpy(net.params).tolist() == [10, 12]
    assert net.ops.numpy(optimizer.m).tolist() == [1, 4]
    assert net.ops.numpy(optimizer.v).tolist() == [5, 8]
    assert net.ops.numpy(net([[9.0]])).tolist() == [[27]]


def test_noise_keeps_its_size_in_x():
    """What is learnt of the noise is in units of x, too."""
    net = Network([Normalise(FAR), NoisyLinear(3)], 2, make_ops("numpy", "float64"))
    rng = np.random.default_rng(0)
    renormalise(net, seen(rng.normal(0, 1, (99, 2))))
    x, layer = rng.normal(0, 1, (5, 2)), net.layers[1]
    layer.resample(rng)

    def swing(about):  # of y by the noise of W, as x varies
        return (x - about) / net.layers[0].moments.std()[0] @ (layer.W_sigma * layer.noise[0])

    before = swing(0)
    renormalise(net, seen(rng.normal(0, 5, (99, 2))))
    np.testing.assert_allclose(swing(0), before, rtol=1e-12)


def test_the_first_statistics_are_taken_as_they_are():
    """Weights are drawn for inputs of a spread of 1: nothing has been learnt in other units."""
    net = MLP(4, 2, (5,), dtype="float64", backend="numpy")
    net = Network([normalise(), *(la.unbound() for la in net.layers)], 4, net.ops)
    before = net.params.copy()
    renormalise(net, seen(1e6 * np.random.default_rng(0).normal(3, 1, (50, 4))))
    assert np.array_equal(net.params, before)


@each_library
def test_an_input_that_begins_to_vary(library):
    """Its weights have never been moved; what the network says of all it has seen stays."""
    rng = np.random.default_rng(0)
    net = Network([normalise(), Linear(3)], 2, make_ops(library, "float64"))
    still = np.column_stack([rng.normal(size=50), np.full(50, 7.0)])
    renormalise(net, seen(still))
    W, before = net.ops.numpy(net.layers[1].W)[1].copy(), net.ops.numpy(net(still)).copy()
    renormalise(net, seen(rng.normal([0, 7], [1, 1e4], (50, 2))))
    assert net.layers[0].moments.std()[0][1] > 1000
    assert np.array_equal(net.ops.numpy(net.layers[1].W)[1], W)
    np.testing.assert_allclose(net.ops.numpy(net(still)), before, rtol=1e-12, atol=1e-12)


class Odd(Linear):
    """Another function of the same weights."""

    def forward(self, x):
        return super().forward(x * x)


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ((5, 5, 2), lambda: [Normalise(), Conv2d(3, 3, padding=1), Flatten(), Linear(2)]),
        ((4,), lambda: [Normalise(), Linear(3, bias=False), Linear(2)]),
        ((4,), lambda: [Normalise(), Tanh(), Linear(2)]),
        ((4,), lambda: [Normalise(), Odd(2)]),
        ((4,), lambda: [Normalise(), Branches({"a": [Linear(2)], "b": [Tanh()]})]),
    ],
    ids=["padded", "no bias", "not dense", "own", "one branch"],
)
def test_frozen_where_nothing_can_make_up_for_a_move(shape, layers):
    net = Network(layers(), shape, make_ops("numpy", "float64"))
    (place,) = places(net)
    assert place.behind is None
    rng = np.random.default_rng(0)
    before = net.params.copy()
    for more, expected in ((FROZEN_AFTER - 1,) * 2, (1, FROZEN_AFTER), (1, FROZEN_AFTER)):
        renormalise(net, seen(rng.normal(size=(more, *shape))))
        assert place.layer.moments.count == expected
    assert np.array_equal(net.params, before)


def test_a_normalise_behind_weights_is_refused():
    net = Network([Linear(3), Normalise(), Linear(2)], 4, make_ops("numpy"))
    with pytest.raises(ValueError, match="must stand before"):
        places(net)


def test_nothing_seen_moves_nothing():
    net = Network([Normalise(), Linear(2)], 4, make_ops("numpy"))
    renormalise(net, Moments((4,)))
    assert net.buffers["normalise0.count"] == 0


@pytest.mark.parametrize("kind", [Adam, RMSProp])
def test_training_goes_on_as_if_nothing_had_moved(kind):
    """In float32, over many moves: a scaled copy of a problem is learnt as the problem itself."""
    rng = np.random.default_rng(0)
    losses = []
    for moving in (False, True):
        net = Network([Normalise(), Linear(32), Tanh(), Linear(1)], 3, make_ops("numpy"), seed=1)
        optimizer = kind(net, 3e-3)
        rng = np.random.default_rng(1)
        renormalise(net, seen(rng.normal(5, 3, (500, 3))))
        for step in range(600):
            x = rng.normal(5, 3, (64, 3))
            y, backward = net.forward(x)
            delta = y - np.sin(x.sum(axis=1, keepdims=True) / 3)
            backward(delta / 64)
            optimizer.step()
            if moving and step % 20 == 0:  # wider and wider
                renormalise(net, seen(rng.normal(5, 3 + step / 100, (100, 3))), optimizer)
        losses.append(float((delta**2).mean()))
    assert losses[1] < 2 * losses[0] + 0.01
