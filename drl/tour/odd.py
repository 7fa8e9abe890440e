"""The question of chapters 3 to 8: is this digit odd?  Two networks that were asked it."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from drl.nn import MLP
from drl.nn.losses import Bernoulli
from drl.nn.optim import SGD
from drl.supervised.data import Dataset, load

BATCH = 32
HIDDEN = 20


@cache
def data() -> Dataset:
    """The 8×8 digits that come with the package."""
    return load("digits")


def pixels(images: np.ndarray) -> np.ndarray:
    """(N, 8, 8, 1) → (N, 64): all that the network is told."""
    return images.reshape(len(images), -1)


def is_odd(labels: np.ndarray) -> np.ndarray:
    """(N,) → (N, 1): 1 where the digit is odd."""
    return (labels % 2)[:, None].astype(np.float32)


def log_likelihood(net: MLP, x: np.ndarray, y: np.ndarray) -> float:
    """LL(θ)/N, the mean log-likelihood of the labels y (N, 1)."""
    return -float(Bernoulli(net.ops)(net(x), y)[0])


def accuracy(net: MLP, x: np.ndarray, y: np.ndarray) -> float:
    """Per cent of the labels that are guessed when ŷ > ½, that is z > 0, says 1."""
    return 100 * float(((net(x) > 0) == y).mean())


def climb(
    net: MLP, x: np.ndarray, y: np.ndarray, step_size: float, epochs: int, seed: int = 0
) -> list[float]:
    """Gradient ascent on the log-likelihood, BATCH examples at a time.

    The mean log-likelihood of all x (N, I), y (N, 1) before the first epoch and after each.
    """
    rng = np.random.default_rng(seed)
    loss, optimizer = Bernoulli(net.ops), SGD(net, step_size, ascent=True)
    curve = [log_likelihood(net, x, y)]
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // BATCH):
            z, backward = net.forward(x[batch])
            _, dz = loss(z, y[batch])
            backward(-dz)  # the loss is −LL, so −dz is ∂LL/∂z
            optimizer.step()  # θ ← θ + η ∂LL/∂θ
        curve.append(log_likelihood(net, x, y))
    return curve


@cache
def one_neuron() -> tuple[MLP, list[float]]:
    """Logistic regression on 64 pixels, and its log-likelihood after each epoch."""
    net = MLP(64, 1, hidden=(), seed=1)
    return net, climb(net, pixels(data().x_train), is_odd(data().y_train), 0.5, epochs=100)


@cache
def with_hidden_layer() -> tuple[MLP, list[float]]:
    """HIDDEN sigmoid neurons between the pixels and the answer."""
    net = MLP(64, 1, hidden=(HIDDEN,), activation="sigmoid", seed=1)
    return net, climb(net, pixels(data().x_train), is_odd(data().y_train), 1.0, epochs=100)


def draw_weights(ax: Any, w: np.ndarray, title: str = "") -> None:
    """Weights on the pixels that they look at: red speaks for, blue against, white is 0."""
    most = max(float(np.abs(w).max()), 1e-12)
    ax.imshow(w.reshape(math.isqrt(w.size), -1), cmap="RdBu_r", vmin=-most, vmax=most)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)
