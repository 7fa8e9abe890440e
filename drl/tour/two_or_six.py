"""The question of chapter 1: is this digit a 6, or a 2?  And the walk up its log-likelihood."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.nn.losses import Bernoulli
from drl.nn.optim import SGD
from drl.tour.odd import data


def two_or_six() -> tuple[np.ndarray, np.ndarray]:
    """Ink of the lower half minus ink of the upper half (N,), and whether it is a 6 (N, 1)."""
    chosen = np.isin(data().y_train, (2, 6))
    images, labels = data().x_train[chosen, :, :, 0].astype(np.float64), data().y_train[chosen]
    x = images[:, 4:].sum(axis=(1, 2)) - images[:, :4].sum(axis=(1, 2))
    return x, (labels == 6)[:, None].astype(np.float64)


def with_intercept(x: np.ndarray) -> np.ndarray:
    """(N,) → (N, 2)."""
    return np.stack([np.ones_like(x), x], axis=1)


def walk(x: np.ndarray, y: np.ndarray, step_size: float, steps: int) -> np.ndarray:
    """θ after 0, 1, …, `steps` steps of gradient ascent from θ = 0: (steps + 1, I)."""
    net = MLP(x.shape[1], 1, hidden=(), bias=False, dtype="float64")
    net.params[:] = 0
    loss, optimizer = Bernoulli(net.ops), SGD(net, step_size, ascent=True)
    path = [net.params.copy()]
    for _ in range(steps):
        z, backward = net.forward(x)  # z = θᵀx
        _, dz = loss(z, y)  # the loss is −LL/N, so −dz is ∂LL/∂z
        backward(-dz)  # fills net.grads with ∂LL/∂θ
        optimizer.step()  # θ ← θ + η ∂LL/∂θ
        path.append(net.params.copy())
    return np.array(path)


def likelihood(inputs: np.ndarray, y: np.ndarray, theta: np.ndarray) -> float:
    """LL(θ)/N."""
    z = (inputs @ theta)[:, None]
    return float((z * y - np.logaddexp(0, z)).mean())


def steepest(inputs: np.ndarray, theta: np.ndarray) -> float:
    """The largest eigenvalue of −∂²LL/∂θ² = (1/N) Σ ŷ(1 − ŷ) x xᵀ."""
    p = 1 / (1 + np.exp(-inputs @ theta))
    return float(np.linalg.eigvalsh((inputs.T * (p * (1 - p))) @ inputs / len(inputs)).max())
