"""Chapter 10.  Shared weights: the same few θ look at every place of the image."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from drl.nn import MLP
from drl.nn.conv import Conv, Conv2d, Pool
from drl.supervised.data import Dataset, load
from drl.supervised.report import features, first_layer
from drl.tour.odd import draw_weights
from drl.tour.page import Page
from drl.tour.softmax import learn

SEEDS = (0, 1, 2)  # each its own split of the images, its own first weights
EPOCHS = 30
NETWORKS: dict[str, dict[str, Any]] = {
    "convolution": {"hidden": (), "conv": (Conv(8, 3), Pool(2))},
    "dense, equal parameters": {"hidden": (11,)},
    "dense, equal multiplications": {"hidden": (45,)},
}


def shifted(images: np.ndarray) -> list[np.ndarray]:
    """(N, 8, 8, 1) one pixel to the left, right, up, down; paper comes in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    corners = ((1, 2), (1, 0), (2, 1), (0, 1))
    return [padded[:, row : row + 8, column : column + 8] for row, column in corners]


def right(net: MLP, images: np.ndarray, labels: np.ndarray) -> float:
    """Per cent recognised."""
    return 100 * float((net(images).argmax(axis=1) == labels).mean())


@cache
def split(seed: int) -> Dataset:
    return load("digits", seed=seed)


@cache
def trained(name: str, seed: int) -> MLP:
    net, d = MLP((8, 8, 1), 10, seed=seed, **NETWORKS[name]), split(seed)
    learn(net, d.x_train, d.y_train, EPOCHS, seed)
    return net


def tell(page: Page) -> None:
    """A convolution beside two dense layers: as many parameters, as many multiplications."""
    page.text("""
        In a dense layer each neuron has one θ for every pixel. A stroke that it knows in one corner
        says nothing to it about the same stroke one pixel further. A *filter* is a neuron that sees
        3×3 pixels, and the same nine weights are used at all places p of the image.
    """)
    page.equations("""
        y[p]  = patch(x, p) W + b        Linear, at every place p
        ∂L/∂W = Σ_p patch(x, p)ᵀ dy[p]   used at every p: its gradient is the sum over them
    """)
    page.source(Conv2d.forward)
    net = trained("convolution", SEEDS[0])
    page.text("""
        Behind eight filters, pooling keeps the largest of each 2×2 places: whether the stroke was
        there counts more than where exactly.
    """)
    page.equations(net.describe())
    page.text(f"""
        ## Against dense layers

        Sharing saves parameters, not multiplications: the filters are used at all the places. So
        there are two fair rivals. All three learn in the same way, {EPOCHS} epochs, on {len(SEEDS)}
        splits of the images; then the test images are asked as they are, and shifted by one pixel
        to each of the four sides, which no network has ever seen.
    """)
    rows, measured = [], {}
    for name in NETWORKS:
        plain, moved = [], []
        for seed in SEEDS:
            one, d = trained(name, seed), split(seed)
            plain.append(right(one, d.x_test, d.y_test))
            moved.append(np.mean([right(one, x, d.y_test) for x in shifted(d.x_test)]))
        measured[name] = {
            "parameters": one.size, "multiplications": sum(one.multiplications()),
            "accuracy": float(np.mean(plain)), "shifted": float(np.mean(moved)),
        }  # fmt: skip
        spread = f"{np.mean(plain):.1f} ({min(plain):.1f} to {max(plain):.1f})"
        shift = f"{np.mean(moved):.1f} ({min(moved):.1f} to {max(moved):.1f})"
        rows.append([name, f"{one.size:,}", f"{sum(one.multiplications()):,}", spread, shift])
    page.numbers |= measured
    page.table(["network", "parameters", "multiplications", "test, %", "shifted, %"], rows)
    conv, few, many = measured.values()
    page.text(f"""
        The convolution against the dense layer of as many parameters:
        {conv["accuracy"] - few["accuracy"]:+.1f} points. Against that of as many multiplications:
        {conv["accuracy"] - many["accuracy"]:+.1f} points, with
        {100 * conv["parameters"] / many["parameters"]:.0f} % of its parameters. Where the ranges
        overlap, call it a tie. On shifted images: {conv["shifted"] - few["shifted"]:+.1f} and
        {conv["shifted"] - many["shifted"]:+.1f} points. It loses there too,
        {conv["accuracy"] - conv["shifted"]:.1f} points: its last layer is dense, and learns where
        things are.

        ## What the filters see
    """)
    image = split(SEEDS[0]).x_test[0]
    maps = features(net, image)["relu0"]
    with page.figure(
        "filters",
        "The image and the filters (red speaks for, blue against); below, where each found its own",
        9, 2.6,
    ) as figure:  # fmt: skip
        axes = figure.subplots(2, 9)
        above, below = axes[0], axes[1]
        above[0].imshow(1 - image[:, :, 0], cmap="gray")
        for ax in (above[0], below[0]):
            ax.set_axis_off()
        for k, weights in enumerate(first_layer(net)):
            draw_weights(above[k + 1], weights)
            below[k + 1].imshow(-maps[k], cmap="gray", vmin=-float(maps.max()), vmax=0)
            below[k + 1].set(xticks=[], yticks=[])
    page.text("""
        Several are an edge with ink on one side and paper on the other. Nobody told them: it is the
        gradient p − 1[k = t] at the output, carried back and summed over places.
    """)
