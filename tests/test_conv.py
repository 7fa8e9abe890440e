"""Shared weights: convolution and pooling, by hand, against torch, at the edges."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from drl.nn import MLP, Conv, Pool
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.layers import Linear
from drl.nn.network import Network
from drl.nn.ops import make_ops

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)


def single(layer, shape, library="numpy", dtype="float64"):
    return Network([layer], shape, make_ops(library, dtype))


def through(net, x, dy):
    y, backward = net.forward(x)
    return net.ops.numpy(y), net.ops.numpy(backward(dy, inputs=True))


@each_library
def test_convolution_by_hand(library):
    # x = 1 2 3    W = 1 0    y[0,0] = 1·1 + 0·2 + 0·4 − 2·5 + 10 = 1
    #     4 5 6        0 −2   y[0,1] = 2 − 2·6 + 10 = 0,  y[1,0] = 4 − 2·8 + 10 = −2
    #     7 8 9    b = 10     y[1,1] = 5 − 2·9 + 10 = −3
    net = single(Conv2d(1, 2), (3, 3, 1), library)
    layer = net.layers[0]
    layer.W[:] = net.ops.asarray([[1, 0], [0, -2]]).reshape(2, 2, 1, 1)
    layer.b[:] = 10.0
    x = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    y, dx = through(net, x, np.array([[1.0, 0], [0, 2]]).reshape(1, 2, 2, 1))
    assert y.ravel().tolist() == [1, 0, -2, -3]
    # dy = 1 0   ∂L/∂W = 1·patch(0,0) + 2·patch(1,1) = 1 2 + 2·5 2·6 = 11 14
    #      0 2                                         4 5   2·8 2·9   20 23
    assert net.ops.numpy(layer.dW).ravel().tolist() == [11, 14, 20, 23]
    assert net.ops.numpy(layer.db).tolist() == [3]
    # ∂L/∂x: W laid at (0,0) once and at (1,1) twice
    assert dx.ravel().tolist() == [1, 0, 0, 0, -2 + 2, 0, 0, 0, -4]


@each_library
def test_a_kernel_as_large_as_the_image_is_a_linear_layer(library):
    rng = np.random.default_rng(0)
    conv, linear = single(Conv2d(5, 3), (3, 3, 2), library), single(Linear(5), 18, library)
    linear.params[:] = conv.params
    x, dy = rng.normal(size=(4, 3, 3, 2)), rng.normal(size=(4, 5))
    y, dx = through(conv, x, dy.reshape(4, 1, 1, 5))
    y_linear, dx_linear = through(linear, x.reshape(4, 18), dy)
    np.testing.assert_allclose(y.reshape(4, 5), y_linear, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx.reshape(4, 18), dx_linear, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        conv.ops.numpy(conv.grads), linear.ops.numpy(linear.grads), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_size_1_on_both_libraries(dtype):
    """Batch, rows, columns, channels, filters, kernel, stride: each 1 and above, in all ways."""
    rng = np.random.default_rng(0)
    compared = 0
    for batch, height, width, channels, filters, kernel, stride, padding in itertools.product(
        (1, 2), (1, 4), (1, 3), (1, 2), (1, 3), (1, 2), (1, 2), (0, 1)
    ):
        if min(height, width) + 2 * padding < kernel:
            continue
        shape, conv = (height, width, channels), partial(Conv2d, filters, kernel, stride, padding)
        nets = [single(conv(), shape, library, dtype) for library in ("numpy", "torch")]
        x = rng.normal(size=(batch, *shape))
        dy = rng.normal(size=(batch, *nets[0].output_shapes[0]))
        for rows in {1, batch}:
            (y, dx), (y_torch, dx_torch) = (through(net, x, dy[:rows]) for net in nets)
            np.testing.assert_allclose(y_torch, y, atol=1e-5)
            np.testing.assert_allclose(dx_torch, dx, atol=1e-5)
            np.testing.assert_allclose(nets[1].grads, nets[0].grads, atol=1e-4)
            compared += 1
    assert compared == 312


@each_library
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 1, 0), (3, 2, 1), (2, 3, 0), (1, 1, 2), (5, 2, 4)]
)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_convolution_against_torch(
    library, channels, kernel, stride, padding, bias, dtype, tolerance
):
    rng = np.random.default_rng(0)
    net = single(Conv2d(4, kernel, stride, padding, bias), (6, 7, channels), library, dtype)
    layer = net.layers[0]
    x = rng.normal(size=(3, 6, 7, channels))
    dy = rng.normal(size=(3, *net.output_shapes[0]))
    y, dx = through(net, x, dy)

    W = torch.tensor(net.ops.numpy(layer.W), dtype=torch.float64, requires_grad=True)
    leaf = torch.tensor(x, requires_grad=True)
    expected = F.conv2d(
        leaf.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1), None, stride, padding
    ).permute(0, 2, 3, 1)
    assert tuple(expected.shape[1:]) == net.output_shapes[0]
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach(), atol=tolerance)
    np.testing.assert_allclose(dx, leaf.grad, atol=tolerance)
    np.testing.assert_allclose(net.ops.numpy(layer.dW), W.grad, atol=10 * tolerance)
    if bias:
        np.testing.assert_allclose(
            net.ops.numpy(layer.db), dy.sum(axis=(0, 1, 2)), atol=10 * tolerance
        )


@each_library
def test_pooling_by_hand(library):
    # 4×5: two windows of 2×2 in each row of windows; the fifth column is cut
    x = np.array(
        [[1, 5, 2, 2, 99], [3, 4, 2, 2, 99], [7, 7, 0, -1, 99], [7, 7, -3, -2, 99]], float
    ).reshape(1, 4, 5, 1)
    y, dx = through(single(MaxPool2d(2), (4, 5, 1), library), x, [[[[10], [20]], [[30], [40]]]])
    assert y.ravel().tolist() == [5, 2, 7, 0]
    assert dx[0, :, :, 0].tolist() == [  # of equals, the first wins; what was cut gets nothing
        [0, 10, 20, 0, 0],
        [0, 0, 0, 0, 0],
        [30, 0, 40, 0, 0],
        [0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 17])
def test_pooling_libraries_agree(size):
    """Also with many equal values, and a window of more than 256 pixels."""
    rng = np.random.default_rng(size)
    x = rng.integers(0, 4, (3, 2 * size + 1, size + 1, 2)).astype(float)
    dy, results = rng.normal(size=(3, (2 * size + 1) // size, (size + 1) // size, 2)), []
    for library in LIBRARIES:
        net = single(MaxPool2d(size), x.shape[1:], library)
        results.append(through(net, x, dy))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_torch_stays_channels_last():
    """Each step of a front gives arrays that are contiguous in our order: no hidden copies."""
    for channels in (1, 4):
        net = MLP(
            (12, 12, channels), 2, (5,), conv=(Conv(8, 3), Pool(2), Conv(4, 3, padding=1)),
            backend="torch",
        )  # fmt: skip
        x = net.ops.asarray(np.random.default_rng(0).normal(size=(2, 12, 12, channels)))
        pullbacks = []
        for layer in net.layers:
            x, backward = layer.forward(x)
            pullbacks.append(backward)
            assert x.is_contiguous(), layer.name
        dy = net.ops.asarray(np.ones((2, 2)))
        for layer, backward in zip(reversed(net.layers), reversed(pullbacks), strict=True):
            dy = backward(dy)
            assert dy.is_contiguous(), layer.name


@each_library
def test_two_open_forwards_and_fewer_rows(library):
    rng = np.random.default_rng(0)
    net = MLP(
        (9, 8, 2), 3, (5,), conv=(Conv(3, 3, padding=1), Pool(2), Conv(4, 2)),
        backend=library, dtype="float64",
    )  # fmt: skip
    first, second = rng.normal(size=(5, 9, 8, 2)), rng.normal(size=(4, 9, 8, 2))
    dy = rng.normal(size=(5, 3))

    def fresh(x, dy):
        net.forward(x)[1](dy)
        return net.ops.numpy(net.grads).copy()

    expected = fresh(first, dy), fresh(second, dy[:4]), fresh(first[:2], dy[:2])
    backward_first, backward_second = net.forward(first)[1], net.forward(second)[1]
    for backward, rows, grads in (
        (backward_first, 5, expected[0]),
        (backward_second, 4, expected[1]),
        (backward_first, 2, expected[2]),
    ):
        backward(dy[:rows])
        np.testing.assert_allclose(net.ops.numpy(net.grads), grads, rtol=1e-12, atol=1e-12)


@each_library
def test_views_of_images(library):
    """A crop, a mirrored and a transposed batch are the same as their copies."""
    net = single(Conv2d(2, 3, 2, 1), (5, 5, 2), library)
    images = np.random.default_rng(0).normal(size=(4, 7, 7, 2))
    for x in (
        images[:, 1:6, 2:7], images[::2, :5, :5], images[:, 4::-1, :5],
        images[:, :5, :5].transpose(0, 2, 1, 3),
    ):  # fmt: skip
        dy = np.ones((len(x), 3, 3, 2))
        y, dx = through(net, x, dy)
        grads = net.ops.numpy(net.grads).copy()
        y_copy, dx_copy = through(net, x.copy(), dy)
        np.testing.assert_allclose(y, y_copy, atol=1e-13)
        np.testing.assert_allclose(dx, dx_copy, atol=1e-13)
        np.testing.assert_allclose(grads, net.ops.numpy(net.grads), atol=1e-13)


@pytest.mark.parametrize(
    ("front", "shape", "inner"),
    [
        ("digits", (28, 28, 1), (4, 4, 64)),
        ("minatar", (10, 10, 6), (8, 8, 16)),
        ("nature", (84, 84, 4), (7, 7, 64)),
    ],
)
def test_presets(front, shape, inner):
    net = MLP(shape, 6, (8,), conv=front, backend="numpy")
    names = [layer.name for layer in net.layers]
    assert net.output_shapes[names.index("flatten0") - 1] == inner


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(0, 3), "≥ 1"),
        (lambda: Conv2d(1, 3, padding=-1), "padding ≥ 0"),
        (lambda: single(Conv2d(1, 3), (2, 8, 1)), "3×3 kernel does not fit a 2×8 image"),
        (lambda: single(Conv2d(1, 3), 9), r"images \(H, W, C\)"),
        (lambda: single(MaxPool2d(3), (2, 8, 1)), "does not fit"),
        (lambda: MaxPool2d(0), "≥ 1"),
        (lambda: MLP((8, 8, 1), 2, conv="lenet"), "digits, minatar, nature"),
    ],
)
def test_misfits_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
