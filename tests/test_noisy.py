"""Noise on the weights: its law, its silence, and the dueling equation."""

from typing import Any

import numpy as np
import pytest

from agents.dqn.config import DQNConfig
from agents.dqn.networks import build_network
from drl.nn import Network
from drl.nn.dueling import Dueling
from drl.nn.layers import Linear
from drl.nn.noisy import NoisyLinear
from drl.nn.ops import make_ops


def network(*layers: Any, inputs: int, library: str = "numpy") -> Network:
    return Network(layers, inputs, make_ops(library, "float64"), seed=1)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_weights_are_mean_plus_factorised_noise(library: str) -> None:
    net = network(NoisyLinear(2), inputs=3, library=library)
    layer: Any = net.layers[0]
    net.resample(np.random.default_rng(5))
    drawn = np.random.default_rng(5).standard_normal(5)
    f = np.sign(drawn) * np.sqrt(np.abs(drawn))
    W, W_sigma, b, b_sigma = (
        net.ops.numpy(getattr(layer, name)) for name in ("W", "W_sigma", "b", "b_sigma")
    )
    assert np.allclose(W_sigma, 0.5 / np.sqrt(3)) and np.allclose(b_sigma, 0.5 / np.sqrt(3))
    x = np.array([[1.0, -2.0, 0.5]])
    y = x @ (W + W_sigma * np.outer(f[:3], f[3:])) + b + b_sigma * f[3:]
    assert np.allclose(net.ops.numpy(net(x)), y, atol=1e-14)
    net.resample(None)
    assert np.allclose(net.ops.numpy(net(x)), x @ W + b, atol=1e-14)


def test_noise_has_the_variance_of_its_law() -> None:
    """Var f(ε) = E|ε| = √(2/π); a weight's noise is a product of two such: 2/π."""
    net = network(NoisyLinear(40), inputs=50)
    layer: Any = net.layers[0]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(200):
        net.resample(rng)
        drawn.append(layer.noise[0])
    assert np.var(drawn) == pytest.approx(2 / np.pi, rel=0.03) and abs(np.mean(drawn)) < 0.02


def test_a_pullback_keeps_the_noise_of_its_forward() -> None:
    net = network(NoisyLinear(2), inputs=3)
    x, dy = np.ones((4, 3)), np.ones((4, 2))
    net.resample(np.random.default_rng(1))
    _, backward = net.forward(x)
    backward(dy)
    expected = net.grads.copy()
    _, backward = net.forward(x)
    net.resample(np.random.default_rng(2))
    backward(dy)
    assert np.array_equal(net.grads, expected)


def test_negative_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="sigma ≥ 0"):
        NoisyLinear(2, sigma=-1)


def test_dueling_by_hand() -> None:
    net = network(Dueling(3, 1, lambda outputs: Linear(outputs, bias=False)), inputs=4)
    layer: Any = net.layers[0]
    layer.value_W[:] = [[1.0], [2.0]]
    layer.advantage_W[:] = [[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]]
    # V = 1·1 + 2·2 = 5;  A = (1, 2, 6)·1, mean 3
    assert net(np.array([[1.0, 2.0, 1.0, 9.0]])).tolist() == [[3.0, 4.0, 8.0]]
    _, backward = net.forward(np.array([[1.0, 2.0, 1.0, 9.0]]))
    backward(np.array([[1.0, 0.0, 0.0]]))
    assert layer.dvalue_W.ravel().tolist() == [1.0, 2.0]  # ∂Q/∂V = 1
    assert np.allclose(layer.dadvantage_W[0], [2 / 3, -1 / 3, -1 / 3])  # 1 − 1/|A|, −1/|A|


def test_dueling_refuses_what_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="even number"):
        network(Dueling(2), inputs=3)
    with pytest.raises(ValueError, match="hidden layer to halve"):
        build_network(DQNConfig(dueling=True, hidden=()), (4,), np.float32, 2)


def test_noise_is_behind_the_features_and_bytes_are_scaled() -> None:
    kinds = [
        type(layer).__name__
        for layer in build_network(
            DQNConfig(noisy=True, dueling=True, conv="minatar", hidden=(8,)),
            (10, 10, 4),
            np.uint8,
            3,
        ).layers
    ]
    assert kinds == ["Scale", "Conv2d", "ReLU", "Flatten", "NoisyLinear", "ReLU", "Dueling"]
    boards = build_network(DQNConfig(conv="minatar"), (10, 10, 4), np.bool_, 3)
    assert type(boards.layers[0]).__name__ == "Conv2d"
    vectors = build_network(DQNConfig(noisy=True), (4,), np.float32, 2)
    assert [type(layer).__name__ for layer in vectors.layers] == [
        "Linear", "ReLU", "NoisyLinear", "ReLU", "NoisyLinear"
    ]  # fmt: skip
