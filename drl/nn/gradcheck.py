"""Hand-written derivatives against central differences of the function itself, in float64.

A difference is independent of how a gradient was derived, so it finds a wrong factor, a wrong sign,
a transposed sum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drl.nn.network import Network
from drl.nn.ops import Array

Loss = Callable[[Array], tuple[Array, Array]]  # y → L, ∂L/∂y

STEP = 1e-5  # ε: the error of the formula grows as ε², that of rounding as 1e-16/ε
KINK = 1e-6  # of the largest slope
FLOOR = 1e-3  # gradients below this are compared absolutely: differences have no more digits


def numerical_gradient(
    f: Callable[[], float], x: Array, points: np.ndarray | None = None, eps: float = STEP
) -> np.ndarray:
    """∂f/∂xᵢ ≈ (f(x + ε eᵢ) − f(x − ε eᵢ)) / 2ε for each i of `points`: (N,) float64.

    NaN where a kink (ReLU, max, |x|) lies within ε: there is no derivative to compare with.  A kink
    shows in the slope to the right minus that to the left, bend(ε) =
    (f(x + ε eᵢ) − 2f(x) + f(x − ε eᵢ))/ε: where f is smooth, bend(ε) = ε f″ is halved with ε.

    f       a function of x, whose numbers are changed in place one by one, and put back
    x       float64 and contiguous: numpy, or a torch tensor
    points  (N,) flat indices into x; None: all
    eps     ε

    ValueError if x is not float64.
    """
    if not str(x.dtype).endswith("float64"):
        raise ValueError(f"differences need float64, got {x.dtype}: rounding would drown them")
    flat = x.reshape(-1)
    points = np.arange(len(flat)) if points is None else points
    middle, values = f(), np.empty((4, len(points)))
    for n, i in enumerate(points.tolist()):
        old = float(flat[i])
        for k, shift in enumerate((eps, eps / 2, -eps / 2, -eps)):
            flat[i] = old + shift
            values[k, n] = f()
        flat[i] = old
    above, half_above, half_below, below = values
    gradient = (above - below) / (2 * eps)
    bend = (above - 2 * middle + below) / eps
    half_bend = (half_above - 2 * middle + half_below) / (eps / 2)
    largest = max(FLOOR, np.abs(gradient).max())
    gradient[np.abs(bend - 2 * half_bend) > KINK * largest] = np.nan
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """max |a − b| / max(|a|, |b|, FLOOR), the maxima over the whole arrays.

    Points that are NaN in b (kinks) are left out.  Infinity if they are half of all or more, or
    if a is not finite: what was not compared has not passed.
    """
    compared = ~np.isnan(b)
    if compared.sum() * 2 <= b.size or not np.isfinite(a).all():
        return float("inf")
    a, b = a[compared], b[compared]
    return float(np.abs(a - b).max() / max(FLOOR, np.abs(a).max(), np.abs(b).max()))


def check_loss(loss: Loss, y: Array) -> float:
    """Relative error of ∂L/∂y, y (B, K) float64.   ValueError unless it is."""
    _, dy = loss(y)
    return relative_error(np.asarray(dy).ravel(), numerical_gradient(lambda: float(loss(y)[0]), y))


def check_network(
    net: Network, x: Array, loss: Loss, between: Array | None = None, rows: int | None = None,
    most: int = 100, seed: int = 0,
) -> dict[str, float]:  # fmt: skip
    """Relative errors of ∂L/∂x and of every ∂L/∂θ, by name: {"x": …, "linear0.W": …}.

    A single layer is checked as a network of one layer.

    x        (B, *input_shape) float64 backend array
    between  inputs of another forward made before the backward: it must not disturb it
    rows     L sees the first rows of y alone, and its gradient has as many
    most     points compared in each array, drawn by `seed` where it has more

    ValueError unless x and the network are float64.
    """
    rows = len(x) if rows is None else rows
    analytic = gradients(net, x, loss, between, rows)
    rng = np.random.default_rng(seed)

    def value() -> float:
        return float(loss(net(x)[:rows])[0])

    errors = {}
    for name, array in {"x": x, **parameters(net)}.items():
        size = analytic[name].size
        points = np.arange(size) if size <= most else np.sort(rng.choice(size, most, replace=False))
        numeric = numerical_gradient(value, array, points)
        errors[name] = relative_error(analytic[name].ravel()[points], numeric)
    return errors


def gradients(
    net: Network, x: Array, loss: Loss, between: Array | None = None, rows: int | None = None
) -> dict[str, np.ndarray]:
    """The hand-written ∂L/∂x and every ∂L/∂θ, by name ("x", "linear0.W", …), as numpy arrays.

    Arguments as in `check_network`.
    """
    y, backward = net.forward(x)
    if between is not None:
        net.forward(between)
    dx = net.ops.numpy(backward(loss(y[:rows])[1], inputs=True))
    grads = {"x": np.zeros(tuple(x.shape))}
    grads["x"][: len(dx)] = dx  # rows that L does not see have no part in it
    for layer in net.layers:
        for name in layer.shapes:
            grads[f"{layer.name}.{name}"] = net.ops.numpy(getattr(layer, f"d{name}")).copy()
    return grads


def parameters(net: Network) -> dict[str, Array]:
    """The network's parameter arrays (views of θ), by name: "linear0.W", …"""
    layers = net.layers
    return {f"{la.name}.{name}": getattr(la, name) for la in layers for name in la.shapes}
