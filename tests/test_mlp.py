"""The network: by hand from end to end, one vector, the same on both array libraries."""

import numpy as np
import pytest

from drl.nn import MLP, Conv, Pool
from drl.nn.losses import Bernoulli, SoftmaxCrossEntropy
from drl.nn.mlp import choose_backend
from drl.nn.ops import make_ops
from drl.nn.optim import Adam

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)


@each_library
def test_a_network_on_paper(library):
    # 2 inputs, 2 hidden sigmoids, 1 output; the log-likelihood of t = 1.
    # x = (1, 2), W₁ = [ln 3  2; 0  −1], b₁ = 0:  z₁ = (ln 3 + 0, 2 − 2) = (ln 3, 0)
    # h = σ(z₁) = (¾, ½)
    # W₂ = (4, −6)ᵀ, b₂ = 0:                       z₂ = 3 − 3 = 0,  p = σ(0) = ½,  L = ln 2
    # backwards, the output layer:                  ∂L/∂z₂ = p − t = −½
    #   ∂L/∂W₂ = h ∂L/∂z₂ = (−⅜, −¼)ᵀ,             ∂L/∂b₂ = −½
    # the hidden layer:                             ∂L/∂h = ∂L/∂z₂ W₂ᵀ = (−2, 3)
    #   ∂L/∂z₁ = ∂L/∂h · h(1 − h) = (−2·3/16, 3·¼) = (−⅜, ¾)
    #   ∂L/∂W₁ = xᵀ ∂L/∂z₁ = [−⅜  ¾; −¾  3/2],     ∂L/∂b₁ = (−⅜, ¾)
    #   ∂L/∂x = ∂L/∂z₁ W₁ᵀ = (−⅜ ln 3 + ¾·2, −¾)
    net = MLP(2, 1, (2,), activation="sigmoid", backend=library, dtype="float64")
    asarray, numpy = net.ops.asarray, net.ops.numpy
    first, _, second = net.layers
    first.W[:] = asarray([[np.log(3), 2], [0, -1]])
    second.W[:] = asarray([[4], [-6]])

    z, backward = net.forward([[1, 2]])
    assert float(z[0, 0]) == pytest.approx(0, abs=1e-14)
    value, dz = Bernoulli(net.ops)(z, [[1]])
    assert float(value) == pytest.approx(np.log(2))
    dx = backward(dz, inputs=True)
    np.testing.assert_allclose(numpy(second.dW), [[-3 / 8], [-1 / 4]], rtol=1e-13)
    np.testing.assert_allclose(numpy(second.db), [-1 / 2], rtol=1e-13)
    np.testing.assert_allclose(numpy(first.dW), [[-3 / 8, 3 / 4], [-3 / 4, 3 / 2]], rtol=1e-13)
    np.testing.assert_allclose(numpy(first.db), [-3 / 8, 3 / 4], rtol=1e-13)
    np.testing.assert_allclose(numpy(dx), [[1.5 - 3 / 8 * np.log(3), -3 / 4]], rtol=1e-13)


def test_the_notes_parameter_count():
    """40 inputs, 20 hidden neurons, one output: 40·20 + 20·1, and with intercepts 20 + 1 more."""
    assert MLP(40, 1, (20,), bias=False).size == 820
    assert MLP(40, 1, (20,)).size == 841


@each_library
def test_one_neuron_and_logistic_regression(library):
    """Without a hidden layer y = xW + b, and descent on the likelihood finds the boundary."""
    net = MLP(2, 1, hidden=(), backend=library)
    assert net.size == 3
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    t = (x @ [[2.0], [-1.0]] > 0.5).astype(float)
    loss, optimizer = Bernoulli(net.ops), Adam(net, 0.1)
    for _ in range(300):
        z, backward = net.forward(x)
        backward(loss(z, t)[1])
        optimizer.step()
    assert ((net.ops.numpy(net(x)) > 0) == t).mean() > 0.98


@each_library
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_learns_xor(library, activation):
    """What no single neuron can."""
    net = MLP(2, 2, (16,), activation=activation, backend=library, seed=1)
    x, t = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    loss, optimizer = SoftmaxCrossEntropy(net.ops), Adam(net, 0.05)
    for _ in range(300):
        y, backward = net.forward(x)
        value, dy = loss(y, t)
        backward(dy)
        optimizer.step()
    assert float(value) < 0.05
    assert net.ops.numpy(net.ops.argmax(net(x), axis=1)).tolist() == t


def test_layers_are_views_of_one_vector():
    net = MLP(3, 2, (4,), backend="numpy", dtype="float64")
    linear0, linear1 = net.layers[0], net.layers[2]
    assert [layer.name for layer in net.layers] == ["linear0", "relu0", "linear1"]
    net.params[:] = np.arange(net.size)
    assert linear0.W.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert linear0.b.tolist() == [12, 13, 14, 15]
    assert linear1.W.ravel().tolist() == list(range(16, 24))
    linear1.b[:] = -1
    assert net.params[24:].tolist() == [-1, -1]
    assert net.spans == {"linear0": slice(0, 16), "linear1": slice(16, 26)}
    net.forward(np.ones((1, 3)))[1](np.ones((1, 2)))
    assert (net.grads[24:] == linear1.db).all()


def test_backward_overwrites():
    net = MLP(3, 2, (4,), backend="numpy")
    _, backward = net.forward(np.ones((1, 3)))
    backward(np.ones((1, 2)))
    once = net.grads.copy()
    backward(np.ones((1, 2)))
    assert (net.grads == once).all()


ARCHITECTURES = {
    "vector": dict(input_shape=5, hidden=(7, 6)),
    "tanh, orthogonal": dict(input_shape=5, hidden=(4,), activation="tanh", init="orthogonal"),
    "image": dict(input_shape=(3, 4, 2), hidden=(5,), scale=1 / 255),
    "front": dict(input_shape=(9, 9, 1), hidden=(5,), conv=(Conv(3, 3), Pool(2), Conv(4, 2, 1, 1))),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("float64", 1e-12)])
def test_libraries_agree(architecture, dtype, rtol):
    """The same seed gives the same weights to the last bit; outputs and gradients to rounding."""
    results = []
    for library in LIBRARIES:
        rng = np.random.default_rng(0)
        net = MLP(outputs=3, backend=library, dtype=dtype, seed=5, **ARCHITECTURES[architecture])
        weights = net.ops.numpy(net.params).copy()
        y, backward = net.forward(rng.normal(size=(6, *net.input_shape)))
        dx = backward(rng.normal(size=(6, 3)), inputs=True)
        arrays = y, dx, net.grads
        assert {net.ops.numpy(a).dtype for a in arrays} == {np.dtype(dtype)}
        results.append((weights, *(net.ops.numpy(a) for a in arrays)))
    for n, (a, b) in enumerate(zip(*results, strict=True)):
        if n == 0:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(a).max())


def test_seeds():
    def params(seed):
        return MLP(4, 2, (8,), backend="numpy", seed=seed).params.tolist()

    assert params(3) == params(3) == params(np.random.default_rng(3))
    assert params(3) != params(4)


@each_library
def test_data_gradient_only_where_asked(library):
    """Below the first layer that learns nothing is computed unless ∂L/∂x is asked for."""
    net = MLP((2, 2, 1), 2, (3,), scale=0.5, backend=library, dtype="float64")
    assert [layer.name for layer in net.layers[:3]] == ["scale0", "flatten0", "linear0"]
    asked = []
    original = net.layers[2].forward

    def spy(x):
        y, pullback = original(x)

        def backward(dy, inputs=True):
            asked.append(inputs)
            return pullback(dy, inputs)

        return y, backward

    net.layers[2].forward = spy
    _, backward = net.forward(np.ones((4, 2, 2, 1)))
    assert backward(np.ones((4, 2))) is None
    grads = net.ops.numpy(net.grads).copy()
    assert tuple(backward(np.ones((4, 2)), inputs=True).shape) == (4, 2, 2, 1)
    assert asked == [False, True]
    np.testing.assert_array_equal(net.ops.numpy(net.grads), grads)


@each_library
def test_copy_from(library):
    net, other = (MLP(3, 2, (4,), backend=library, dtype="float64", seed=s) for s in (0, 1))
    start, end = net.ops.numpy(net.params).copy(), other.ops.numpy(other.params).copy()
    net.copy_from(other, 0.25)
    np.testing.assert_allclose(net.ops.numpy(net.params), 0.75 * start + 0.25 * end, rtol=1e-13)
    net.copy_from(other)
    np.testing.assert_array_equal(net.ops.numpy(net.params), end)
    other.params[:] = 0
    assert net.ops.numpy(net.params).any()  # a copy, not the same memory
    with pytest.raises(ValueError, match="26 parameters into 38"):
        MLP(3, 3, (5,), backend=library).copy_from(other)


def test_describe_counts_every_parameter():
    text = MLP((8, 8, 1), 10, (16,), conv=(Conv(4, 3), Pool(2)), scale=0.1).describe()
    lines = text.splitlines()
    assert lines[0].split()[:3] == ["layer", "output", "parameters"]
    counts = {line.split()[0]: line.split()[2] for line in lines[1:-1]}
    assert counts == {
        "scale0": "0", "conv2d0": "40", "relu0": "0", "maxpool2d0": "0", "flatten0": "0",
        "linear0": "592", "relu1": "0", "linear1": "170",
    }  # fmt: skip
    assert lines[-1].split() == ["total", "802"]


@pytest.mark.parametrize(
    ("shape", "hidden", "conv", "device", "library"),
    [
        ((4,), (64, 64), (), "cpu", "numpy"),
        ((4,), (256, 256), (), "cpu", "numpy"),
        ((784,), (128,), (), "cpu", "numpy"),
        ((4,), (512, 512), (), "cpu", "torch"),
        ((10, 10, 6), (128,), (Conv(16, 3),), "cpu", "numpy"),
        ((84, 84, 4), (512,), (Conv(32, 8, 4), Conv(64, 4, 2), Conv(64, 3)), "cpu", "torch"),
        ((4,), (8,), (), "cuda", "torch"),
    ],
)
def test_auto_backend(shape, hidden, conv, device, library):
    assert choose_backend(shape, 2, hidden, conv, device) == library


@each_library
@pytest.mark.parametrize("shape", [(4,), (5,), (2, 4), (3, 4, 1), ()])
def test_wrong_inputs_are_named(library, shape):
    net = MLP(3, 2, backend=library)
    with pytest.raises(ValueError, match=r"takes inputs \(batch, 3\), got"):
        net.forward(np.zeros(shape))


@each_library
@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("shape", [(4, 1), (5, 3), (4,), (4, 4)])
def test_wrong_gradients_are_named(library, hidden, shape):
    """(4, 4) would have been taken by torch's product, which resizes its `out`."""
    _, backward = MLP(5, 3, hidden, backend=library).forward(np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"∂L/∂y must have shape \(at most 4, 3\), got"):
        backward(np.zeros(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(input_shape=0, outputs=2), "positive"),
        (dict(input_shape=(4, -1, 1), outputs=2), "positive"),
        (dict(input_shape=4, outputs=0), "at least 1 output"),
        (dict(input_shape=4, outputs=2, hidden=(8, 0)), "at least 1 output, got 0"),
        (dict(input_shape=4, outputs=2, activation="gelu"), "relu, tanh, sigmoid"),
        (dict(input_shape=4, outputs=2, init="zeros"), "he, xavier, orthogonal, uniform"),
        (dict(input_shape=4, outputs=2, conv="digits"), "images"),
        (dict(input_shape=4, outputs=2, backend="jax"), "numpy or torch"),
        (dict(input_shape=4, outputs=2, scale=(1.0, 2.0)), "scale"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        MLP(**settings)


def test_numpys_integers_are_sizes():
    """As they come from array shapes and from Gymnasium's spaces."""
    net = MLP(np.int64(4), np.int64(2), (np.int64(3),), backend="numpy")
    assert net.size == 4 * 3 + 3 + 3 * 2 + 2


def test_one_hidden_layer_and_one_convolution_need_no_brackets():
    assert MLP(5, 3, hidden=8).params.tolist() == MLP(5, 3, hidden=(8,)).params.tolist()
    one, several = (
        MLP((9, 9, 1), 3, hidden=np.int64(4), conv=c) for c in (Conv(2, 3), (Conv(2, 3),))
    )
    assert one.params.tolist() == several.params.tolist()


@each_library
@pytest.mark.parametrize("width", [10**6, 10**9])
def test_what_does_not_fit_into_memory_is_one_kind_of_error(library, width):
    """torch says it by a RuntimeError, or a TypeError where 64 bits do not count it."""
    with pytest.raises(MemoryError):
        make_ops(library).zeros(width * width, width)
    with pytest.raises(MemoryError):
        MLP(4, 2, (width, width), backend=library)
