"""Each layer: its equation on numbers worked by hand, its pullback, and what it must survive."""

import numpy as np
import pytest

from drl.nn.branches import Branches
from drl.nn.free import Free
from drl.nn.init import he, orthogonal, uniform, xavier
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Flatten, Layer, Linear, ReLU, Scale, Sigmoid, Tanh
from drl.nn.network import Network
from drl.nn.ops import make_ops

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)


def single(layer: Layer, shape, library="numpy", dtype="float64") -> Network:
    return Network([layer], shape, make_ops(library, dtype))


def through(net: Network, x, dy):
    """y and ∂L/∂x as numpy arrays."""
    y, backward = net.forward(x)
    return net.ops.numpy(y), net.ops.numpy(backward(dy, inputs=True))


@each_library
def test_linear_by_hand(library):
    # x = [1 2; 3 4], W = [1 0 2; −1 3 0], b = (10, 20, 30)
    # y = xW + b: row 1: 1−2, 0+6, 2+0 → (9, 26, 32); row 2: 3−4, 0+12, 6+0 → (9, 32, 36)
    net = single(Linear(3), 2, library)
    layer = net.layers[0]
    layer.W[:] = net.ops.asarray([[1, 0, 2], [-1, 3, 0]])
    layer.b[:] = net.ops.asarray([10, 20, 30])
    y, dx = through(net, [[1, 2], [3, 4]], [[1, 0, 2], [0, -1, 1]])
    assert y.tolist() == [[9, 26, 32], [9, 32, 36]]
    # ∂L/∂W = xᵀdy: (1·1+3·0, 1·0+3·−1, 1·2+3·1), (2·1+4·0, 2·0+4·−1, 2·2+4·1)
    assert net.ops.numpy(layer.dW).tolist() == [[1, -3, 5], [2, -4, 8]]
    assert net.ops.numpy(layer.db).tolist() == [1, -1, 3]
    # ∂L/∂x = dy Wᵀ: (1·1+0+2·2, −1+0+0), (0+0+2, 0−3+0)
    assert dx.tolist() == [[5, -1], [2, -3]]


@each_library
def test_elementwise_by_hand(library):
    x, dy = [[-2.0, 0.0, 3.0]], [[5.0, 5.0, 5.0]]
    y, dx = through(single(ReLU(), 3, library), x, dy)
    assert y.tolist() == [[0, 0, 3]]
    assert dx.tolist() == [[0, 0, 5]]  # the derivative at 0 is taken as 0

    x = [[0.0, np.log(3) / 2]]  # tanh(½ ln 3) = (3−1)/(3+1) = ½, and 1 − ¼ = ¾
    y, dx = through(single(Tanh(), 2, library), x, [[2.0, 4.0]])
    np.testing.assert_allclose(y, [[0, 0.5]], rtol=1e-14)
    np.testing.assert_allclose(dx, [[2, 3]], rtol=1e-14)

    x = [[0.0, np.log(3)]]  # σ(ln 3) = 3/4, and σ(1 − σ) = 3/16
    y, dx = through(single(Sigmoid(), 2, library), x, [[1.0, 16.0]])
    np.testing.assert_allclose(y, [[0.5, 0.75]], rtol=1e-14)
    np.testing.assert_allclose(dx, [[0.25, 3]], rtol=1e-14)

    y, dx = through(single(Scale((2.0, -0.5)), 2, library), [[3.0, 8.0]], [[1.0, 10.0]])
    assert (y.tolist(), dx.tolist()) == ([[6, -4]], [[2, -5]])


@each_library
def test_layer_norm_by_hand(library):
    # x = (1, 3), m = 2, v = 1, ε = 3: x̂ = ∓½;  γ = (2, 4), β = (10, 20): y = (9, 22)
    net = single(LayerNorm(3.0), 2, library)
    layer = net.layers[0]
    layer.gain[:], layer.offset[:] = (net.ops.asarray(v) for v in ([2, 4], [10, 20]))
    y, dx = through(net, [[1, 3]], [[1, 2]])
    assert y.tolist() == [[9, 22]]
    # ∂L/∂γ = dy x̂ = (−½, 1); ∂L/∂β = dy; d = dy γ = (2, 8), mean 5, mean(d x̂) = (−1 + 4)/2
    assert net.ops.numpy(layer.dgain).tolist() == [-0.5, 1]
    assert net.ops.numpy(layer.doffset).tolist() == [1, 2]
    # ∂L/∂x = (d − 5 − x̂ 3/2)/2 = (2 − 5 + ¾, 8 − 5 − ¾)/2
    np.testing.assert_allclose(dx, [[-1.125, 1.125]], rtol=1e-14)


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_norm_of_equal_signals_is_finite(library, dtype):
    """No spread at all, and one far from zero."""
    net = single(LayerNorm(), 3, library, dtype)
    y, dx = through(net, [[0, 0, 0], [7, 7, 7], [1e6, 1e6 + 1, 1e6 + 2]], np.ones((3, 3)))
    np.testing.assert_allclose(y[:2], 0, atol=1e-12 if dtype == "float64" else 1e-2)
    np.testing.assert_allclose(y[2], [-1.2247, 0, 1.2247], atol=0.2)
    assert np.isfinite(dx).all()


@each_library
def test_flatten_keeps_the_order_and_gives_it_back(library):
    x = np.arange(24.0).reshape(2, 2, 3, 2)
    y, dx = through(single(Flatten(), (2, 3, 2), library), x, x.reshape(2, 12))
    assert y.tolist() == x.reshape(2, 12).tolist()
    assert dx.tolist() == x.tolist()


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saturated_activations_are_finite(library, dtype):
    x = [[-1e4, -100.0, 100.0, 1e4]]
    for layer, low in ((Sigmoid(), 0), (Tanh(), -1)):
        y, dx = through(single(layer, 4, library, dtype), x, np.ones((1, 4)))
        np.testing.assert_allclose(y, [[low, low, 1, 1]], atol=1e-30)
        np.testing.assert_allclose(dx, 0, atol=1e-30)


def layers():
    return [
        Linear(3), Linear(3, bias=False), ReLU(), Tanh(), Sigmoid(), Scale(0.5), Flatten(),
        LayerNorm(), Free(3, 0.5), Branches({"a": [Linear(2), Tanh()], "b": [Free(2)]}),
    ]  # fmt: skip


@each_library
@pytest.mark.parametrize("index", range(len(layers())))
def test_two_open_forwards_and_fewer_rows(library, index):
    """Each pullback belongs to its own forward, and takes the first rows alone."""
    rng = np.random.default_rng(index)
    layer = layers()[index]
    net = single(layer, 4, library)
    first, second = rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    dy = rng.normal(size=(5, *net.output_shapes[0]))

    def fresh(x, dy):
        backward = net.forward(x)[1]
        dx = net.ops.numpy(backward(dy, inputs=True)).copy()
        return dx, net.ops.numpy(net.grads).copy()

    expected = [fresh(first, dy), fresh(second, dy[:3]), fresh(first[:2], dy[:2])]
    _, backward_first = net.forward(first)
    _, backward_second = net.forward(second)
    for backward, rows, (dx, grads) in zip(
        (backward_first, backward_second, backward_first), (5, 3, 2), expected, strict=True
    ):
        np.testing.assert_allclose(net.ops.numpy(backward(dy[:rows], inputs=True)), dx, rtol=1e-13)
        np.testing.assert_allclose(net.ops.numpy(net.grads), grads, rtol=1e-13)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("index", range(len(layers())))
def test_libraries_agree(dtype, rtol, index):
    rng = np.random.default_rng(index)
    x, results = rng.normal(size=(6, 4)), []
    for library in LIBRARIES:
        net = single(layers()[index], 4, library, dtype)
        dy = np.random.default_rng(9).normal(size=(6, *net.output_shapes[0]))
        y, dx = through(net, x, dy)
        assert y.dtype == dx.dtype == net.ops.numpy(net.grads).dtype == np.dtype(dtype)
        results.append((y, dx, net.ops.numpy(net.grads)))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@each_library
@pytest.mark.parametrize(
    "strange",
    [
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.ascontiguousarray(x[::-1])[::-1],
        lambda x: x.astype(">f8"),
        lambda x: np.broadcast_to(x, x.shape),  # read-only
        lambda x: x.tolist(),
    ],
    ids=["columns", "strided", "reversed", "swapped bytes", "read-only", "list"],
)
def test_any_memory_layout(library, strange):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    net = single(Linear(2), 3, library)
    y, dx = through(net, x, dy)
    grads = net.ops.numpy(net.grads).copy()
    y_strange, dx_strange = through(net, strange(x), strange(dy))
    np.testing.assert_allclose(y_strange, y, rtol=1e-14)
    np.testing.assert_allclose(dx_strange, dx, rtol=1e-14)
    np.testing.assert_allclose(net.ops.numpy(net.grads), grads, rtol=1e-14)


@each_library
def test_empty_batch(library):
    net = Network([Flatten(), Linear(2), ReLU()], (2, 2, 1), make_ops(library))
    assert tuple(net(np.zeros((0, 2, 2, 1))).shape) == (0, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(0), "at least 1 output"),
        (lambda: single(Linear(2), (3, 3, 1)), "put Flatten before"),
        (lambda: Scale(float("nan")), "finite"),
        (lambda: LayerNorm(0.0), "eps > 0"),
        (lambda: single(Scale((1.0, 2.0)), 3), r"\(2,\) does not fit"),
        (lambda: single(Linear(2), 0), "positive"),
        (lambda: make_ops("jax"), "numpy or torch"),
        (lambda: make_ops("numpy", "float16"), "float32 or float64"),
        (lambda: make_ops("numpy", device="cuda"), "take torch"),
        (lambda: make_ops("torch", device="gpu"), "expected cpu, cuda"),
    ],
)
def test_misfits_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_orthogonal_is_orthogonal():
    for fan_in, fan_out in ((7, 4), (4, 7), (5, 5)):
        W = orthogonal(np.random.default_rng(0), fan_in, fan_out) / np.sqrt(2)
        small = W.T @ W if fan_in >= fan_out else W @ W.T
        np.testing.assert_allclose(small, np.eye(min(fan_in, fan_out)), atol=1e-14)


def test_initial_scales():
    """He: var 2/fan_in; Xavier: var 2/(fan_in + fan_out) = bound²/3; uniform: bound 1/√fan_in."""
    rng = np.random.default_rng(0)
    assert he(rng, 300, 400).var() == pytest.approx(2 / 300, rel=0.02)
    W = xavier(rng, 300, 400)
    assert W.var() == pytest.approx(2 / 700, rel=0.02)
    assert np.abs(W).max() <= np.sqrt(6 / 700)
    W = uniform(rng, 300, 400)
    assert W.var() == pytest.approx(1 / 900, rel=0.02)
    assert np.abs(W).max() <= 1 / np.sqrt(300)


@pytest.mark.parametrize("rows", [1, 4, 5, 40])  # on either side of where numpy turns the product
@each_library
def test_the_way_back_through_a_wide_matrix(rows: int, library: str) -> None:
    ops = make_ops(library, "float64")
    rng = np.random.default_rng(rows)
    dy, W = rng.normal(size=(rows, 3)), rng.normal(size=(40, 3))
    dx = ops.numpy(ops.linear_backward(ops.asarray(dy), ops.asarray(W)))
    assert dx.flags.c_contiguous or rows == 1
    np.testing.assert_allclose(dx, dy @ W.T, rtol=1e-12)
