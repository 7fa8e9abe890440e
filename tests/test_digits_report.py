"""Numbers by hand; images by what must be seen in them."""

import numpy as np
import pytest

from drl.nn import MLP, Conv, Linear, Network, Pool, Slice, make_ops
from drl.supervised import report

P = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.6, 0.1, 0.3], [0.0, 0.0, 1.0]])
LABELS = np.array([0, 2, 1, 0])


def test_numbers_by_hand():
    assert report.accuracy(P, LABELS) == 0.5
    matrix = report.confusion_matrix(LABELS, P.argmax(axis=1), 3)
    assert matrix.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]  # row true, column predicted
    assert report.worst(P, LABELS, 3).tolist() == [3, 2, 1]  # by −log p of the true class


def test_confusion_picture_shows_right_and_wrong():
    matrix = np.diag([30] * 10)
    matrix[9, 4] = 3  # a 9 taken for a 4
    cell = 44
    image = report.confusion_picture(matrix, cell)
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3

    def corner(true, predicted):  # a pixel of the cell, away from its number
        return image[2 * cell + true * cell + 4, 2 * cell + predicted * cell + 4].astype(int)

    right, wrong, none = corner(0, 0), corner(9, 4), corner(4, 9)
    assert right[2] > right[0] + 50  # blue
    assert wrong[0] > wrong[2] + 20  # red
    assert none.tolist() == [255, 255, 255]
    labels = image[: 2 * cell, 2 * cell :]
    for k in range(10):  # a dark digit above every column
        assert labels[:, k * cell : (k + 1) * cell].min() < 100
    middle = image[2 * cell + 9 * cell + 12 : 3 * cell + 9 * cell - 12, 2 * cell + 4 * cell + 12 :]
    assert middle[:, : cell - 24].min() < 100  # the 3 itself


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_first_layer_of_a_dense_and_a_shared_front(backend):
    dense = MLP((4, 6, 1), 3, (5,), backend=backend)
    linear = dense.layers[1]
    weights = report.first_layer(dense)
    assert weights.shape == (5, 4, 6)
    np.testing.assert_array_equal(weights[2].ravel(), dense.ops.numpy(linear.W)[:, 2])
    conv = MLP((8, 8, 1), 3, (5,), conv=(Conv(7, 3),), backend=backend)
    weights = report.first_layer(conv)
    assert weights.shape == (7, 3, 3)
    np.testing.assert_array_equal(weights[4], conv.ops.numpy(conv.layers[0].W)[:, :, 0, 4])


def test_weights_picture_is_red_for_and_blue_against():
    weights = np.zeros((12, 2, 2))
    weights[0] = [[1, 0], [0, -1]]
    image = report.weights_picture(weights, side=20)
    tile = image[3:23, 3:23]  # the first, inside its frame
    assert tile[2, 2].tolist() == [255, 0, 0] and tile[-2, -2].tolist() == [0, 0, 255]
    assert tile[2, -2].tolist() == [255, 255, 255]
    assert image.shape == (2 * 23 + 3, 8 * 23 + 3, 3)  # 12 tiles in rows of 8
    assert report.weights_picture(np.zeros((3, 2, 2))).min() == 220  # all zero: white, no NaN


def test_mistakes_picture_says_wrong_in_red():
    images = np.zeros((4, 8, 8, 1), np.float32)
    images[3] = 1  # the worst is all ink
    image = report.mistakes_picture(images, P, LABELS, count=4).astype(int)
    width = (image.shape[1] - 3) // 4
    ink = [image[20:40, 3 + n * width + 20 : 3 + n * width + 40].mean() for n in range(4)]
    assert ink[0] == 0 and ink[1] == 255
    red = (image[..., 0] - image[..., 1] > 100).reshape(len(image), -1)
    tiles = [red[:, 3 + n * width : 3 + (n + 1) * width].any() for n in range(4)]
    assert tiles == [True, True, False, False]  # images 3 and 2 are wrong, 1 and 0 are right
    fewer = report.mistakes_picture(images, P, LABELS, count=24)
    assert fewer.shape == image.shape


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_features_are_what_the_layers_make_of_the_image(backend):
    net = MLP((8, 8, 1), 3, (5,), conv=(Conv(7, 3), Pool(2)), backend=backend)
    image = np.random.default_rng(0).random((8, 8, 1)).astype(np.float32)
    maps = report.features(net, image)
    assert {name: m.shape for name, m in maps.items()} == {
        "relu0": (7, 6, 6), "maxpool2d0": (7, 3, 3), "relu1": (1, 2, 3)
    }  # fmt: skip
    pooled = maps["relu0"].reshape(7, 3, 2, 3, 2).max(axis=(2, 4))
    np.testing.assert_array_equal(maps["maxpool2d0"], pooled)
    hidden = maps["relu1"].ravel()
    last = net.layers[-1]
    W, b = net.ops.numpy(last.W), net.ops.numpy(last.b)
    logits = net.ops.numpy(net(net.ops.asarray(image[None])))[0]
    np.testing.assert_allclose(hidden[:5] @ W + b, logits, rtol=1e-4, atol=1e-6)
    assert hidden[5] == 0  # a place that no neuron fills
    assert report.features(MLP((8, 8, 1), 3, ()), image) == {}  # logistic: nothing hidden


def test_features_picture_shows_the_image_and_what_is_active():
    image = np.zeros((2, 2, 1), np.float32)
    image[0, 0] = 1
    maps = np.zeros((2, 2, 2))
    maps[1, 1, 1] = 3.0
    image = report.features_picture(image, maps, side=20)
    first, second, third = (image[3:23, 3 + 23 * n : 23 + 23 * n, 0] for n in range(3))
    assert first[5, 5] == 0 and first[15, 15] == 255  # ink is dark
    assert second.min() == 255  # this one has found nothing
    assert third[15, 15] == 0 and third[5, 5] == 255


def test_first_layer_of_plain_numbers():
    net = MLP(4, 3, (6,), backend="numpy")
    np.testing.assert_array_equal(report.first_layer(net), net.layers[0].W.T)


def test_first_layer_of_a_part_of_what_is_seen():
    net = Network([Slice(1, 4), Linear(6), Linear(2)], 9, make_ops("numpy"))
    np.testing.assert_array_equal(report.first_layer(net), net.layers[1].W.T)
