"""`drl check-gradients`: every derivative against central differences and against autograd."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from drl.nn import MLP, Conv, Network, Pool
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.gradcheck import check_network, gradients, relative_error
from drl.nn.layers import Flatten, Layer, Linear, ReLU, Scale, Sigmoid, Shape, Tanh
from drl.nn.losses import MSE, Bernoulli, Huber, SoftmaxCrossEntropy
from drl.nn.ops import make_ops

DIFFERENCES, AUTOGRAD = 1e-6, 1e-10  # the bars: largest relative error that passes
SHAPES = ((3, 2), (5, 4))  # (batch, outputs)
LIBRARIES = ("numpy", "torch")

Make = Callable[[int, str], Network]  # outputs, array library → a network in float64


@dataclass(frozen=True)
class Config:
    """Check each layer under each loss, in float64, on both array libraries.

    Each check is made while a second forward is open, on several shapes, and once more with a
    gradient for only the first rows of the batch.
    """

    seed: int = 0
    """Seed of weights, inputs, targets and of the points compared in large arrays."""
    json: bool = False
    """Print the result as one JSON object on the last line, and no table."""


# -- what is checked: a new layer or loss is one more row ---------------------------------------
def alone(outputs: int, library: str) -> Network:
    """y = x: only the loss has a derivative."""
    return Network([Flatten()], outputs, make_ops(library, "float64"))


def chain(shape: Shape, *layers: Callable[[], Layer]) -> Make:
    """The layers, and a Linear at the end for the loss to stand on."""

    def make(outputs: int, library: str) -> Network:
        parts = [*(layer() for layer in layers), Flatten(), Linear(outputs)]
        return Network(parts, shape, make_ops(library, "float64"))

    return make


def mlp(shape: Shape, **settings: Any) -> Make:
    return lambda outputs, library: MLP(
        shape, outputs, backend=library, dtype="float64", **settings
    )


ROWS: dict[str, Make] = {
    "loss alone": alone,
    "Linear": chain((5,)),
    "Linear without bias": chain((5,), lambda: Linear(4, bias=False)),
    "ReLU": chain((6,), ReLU),
    "Tanh": chain((6,), Tanh),
    "Sigmoid": chain((6,), Sigmoid),
    "Scale": chain((4,), Linear_of(4), lambda: Scale((0.5, 2.0, -1.0, 3.0))),
    "Flatten": chain((2, 3, 2), Flatten),
    "Conv2d 3×3": chain((5, 4, 2), lambda: Conv2d(3, 3)),
    "Conv2d 3×3, stride 2": chain((6, 7, 2), lambda: Conv2d(3, 3, stride=2)),
    "Conv2d 3×3, padding 1": chain((4, 3, 1), lambda: Conv2d(2, 3, padding=1)),
    "Conv2d 2×2, stride 2, padding 1, no bias": chain(
        (4, 5, 3), lambda: Conv2d(2, 2, stride=2, padding=1, bias=False)
    ),
}
