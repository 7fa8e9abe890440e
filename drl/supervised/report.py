"""What a classifier does, as numbers and as images a person can read.  Logs nothing.

Images are uint8 (H, W, 3).  p is always (N, K), the classes' probabilities for N images.
"""

from __future__ import annotations

import math

import numpy as np

from drl.images import BLACK, GREY, RED, WHITE, canvas, enlarged, red_and_blue, tiled
from drl.nn import Network
from drl.nn.conv import MaxPool2d
from drl.nn.layers import ReLU, Sigmoid, Tanh

BLUES = np.array([(255, 255, 255), (31, 119, 180)], float)  # from none to all of a class
REDS = np.array([(255, 255, 255), (214, 39, 40)], float)


def accuracy(p: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose most probable class is their label."""
    return float((p.argmax(axis=1) == labels).mean())


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int = 10) -> np.ndarray:
    """(K, K) counts: row is the true class, column the predicted one."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def confusion_picture(matrix: np.ndarray, cell: int = 44) -> np.ndarray:
    """The matrix with its numbers: blue what is right, red what is wrong, stronger is more of the
    true class (the square root of the share, so that a single mistake is seen)."""
    classes = len(matrix)
    share = np.sqrt(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    left, top = 2 * cell, 2 * cell
    image, draw, font = canvas(left + classes * cell + cell // 2, top + classes * cell + cell // 2)
    middle = classes * cell / 2
    draw.text((left + middle, cell * 0.6), "predicted", BLACK, font(16), anchor="mm")
    draw.text((cell * 0.75, top + middle), "true", BLACK, font(16), anchor="mm")
    for k in range(classes):
        at = (k + 0.5) * cell
        draw.text((left + at, top - cell * 0.4), str(k), BLACK, font(16), anchor="mm")
        draw.text((left - cell * 0.4, top + at), str(k), BLACK, font(16), anchor="mm")
        for j in range(classes):
            colours = BLUES if k == j else REDS
            fill = colours[0] + share[k, j] * (colours[1] - colours[0])
            box = (left + j * cell, top + k * cell, left + (j + 1) * cell, top + (k + 1) * cell)
            draw.rectangle(box, tuple(int(c) for c in fill), (220, 220, 220))
            if matrix[k, j]:
                ink = WHITE if share[k, j] > 0.7 else BLACK
                centre = (box[0] + cell / 2, box[1] + cell / 2)
                draw.text(centre, str(int(matrix[k, j])), ink, font(13), anchor="mm")
    return np.asarray(image)


def first_layer(net: Network) -> np.ndarray:
    """What each neuron (or kernel) of the first layer looks for: (neurons, H, W) weights.

    A dense layer's column of W, put back into the shape of the image; a convolution's kernel.
    Where the inputs are plain numbers, or a part of what the network sees, (neurons, inputs).
    """
    layer = next(layer for _, layer, _ in net.stages() if "W" in layer.shapes)
    W = net.ops.numpy(getattr(layer, "W"))  # noqa: B009  (mypy: not every layer has one)
    if W.ndim == 2 and len(W) == math.prod(net.input_shape):
        W = W.reshape(*net.input_shape, W.shape[1])
    if W.ndim == 4:
        W = W.mean(axis=2)  # over the channels: digits have one
    return np.moveaxis(W, -1, 0)


def features(net: Network, image: np.ndarray) -> dict[str, np.ndarray]:
    """What the hidden layers make of one image (H, W, C): layer name → (maps, h, w).

    Of every layer that ends a stage: an activation, and the pooling behind it.  A dense layer is
    one map, its neurons in rows.
    """
    x, maps = net.ops.asarray(image[None]), {}
    for layer in net.layers[:-1]:
        x = layer.forward(x)[0]
        if isinstance(layer, (ReLU, Tanh, Sigmoid, MaxPool2d)):
            values = net.ops.numpy(x)[0]
            maps[layer.name] = np.moveaxis(values, -1, 0) if values.ndim == 3 else in_rows(values)
    return maps


def in_rows(values: np.ndarray) -> np.ndarray:
    """(N,) → (1, rows, columns), nearly square; zeros fill the last row."""
    columns = math.ceil(math.sqrt(len(values)))
    square = np.zeros(-(-len(values) // columns) * columns)
    square[: len(values)] = values
    return square.reshape(1, -1, columns)


def features_picture(image: np.ndarray, maps: np.ndarray, side: int = 64) -> np.ndarray:
    """The image (H, W, 1), then a layer's maps (N, h, w) of it: the darker, the more active.

    One scale for all maps of the layer: one that stays white has found nothing in this image.
    """
    share = np.abs(maps) / max(float(np.abs(maps).max()), 1e-12)
    shown = []
    for values in (image[None, :, :, 0], share):
        pixels = (255 * (1 - values)).astype(np.uint8)[..., None].repeat(3, axis=-1)
        rows = (np.arange(side) * pixels.shape[1]) // side
        columns = (np.arange(side) * pixels.shape[2]) // side
        shown.append(pixels[:, rows][:, :, columns])
    return tiled(np.concatenate(shown), columns=9)


def weights_picture(weights: np.ndarray, most: int = 64, side: int = 56) -> np.ndarray:
    """The first `most` of (N, H, W) weights as tiles: red speaks for, blue against, white is 0."""
    tiles = weights[:most]
    pixels = enlarged(red_and_blue(tiles), max(1, side // max(tiles.shape[1:])))
    return tiled(pixels, columns=8 if len(tiles) > 10 else 5)


def worst(p: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the images with the largest loss −log p[label], the worst first."""
    of_label = p[np.arange(len(p)), labels]
    return np.argsort(of_label, kind="stable")[:count]


def mistakes_picture(
    images: np.ndarray, p: np.ndarray, labels: np.ndarray, count: int = 24, side: int = 84
) -> np.ndarray:
    """The worst of `images` (N, H, W, 1), each with its label, what it was read as, how surely.

    Red is wrong; where there are fewer mistakes than `count`, grey is right but unsure.
    """
    from PIL import Image

    zoom = max(1, side // max(images.shape[1:3]))
    tiles = []
    for i in worst(p, labels, count):
        predicted = int(p[i].argmax())
        colour = GREY if predicted == labels[i] else RED
        ink = (255 * (1 - images[i, :, :, 0])).astype(np.uint8)
        shown = Image.fromarray(ink.repeat(zoom, axis=0).repeat(zoom, axis=1))
        width = max(shown.width, side) + 8
        tile, draw, font = canvas(width, shown.height + 42)
        tile.paste(shown, ((width - shown.width) // 2, 4))
        lines = (f"{labels[i]} read as {predicted}", f"{p[i].max():.0%} sure")
        for n, text in enumerate(lines):
            at = (width / 2, shown.height + 15 + 16 * n)
            draw.text(at, text, colour, font(12), anchor="mm")
        tiles.append(np.asarray(tile))
    return tiled(np.stack(tiles), columns=6)
