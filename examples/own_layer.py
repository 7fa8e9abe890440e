"""Your own layer with its own derivative, checked against differences, then trained.

python examples/own_layer.py [env steps]
"""

import sys

import numpy as np

from agents import Parts
from drl import Layer, Linear, Network, Scale, check_network, make_ops, train
from drl.nn import Array, Pullback
from drl.nn.layers import sigmoid


class Swish(Layer):
    """y = x σ(x), elementwise.   Ramachandran, Zoph & Le 2017."""

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        s = sigmoid(self.ops, x)
        y = x * s

        def backward(dy: Array, inputs: bool = True) -> Array:
            rows = dy.shape[0]  # dy may be about the first examples alone
            return dy * (s + y * (1 - s))[:rows]  # ∂y/∂x = σ + x σ(1 − σ) = σ + y (1 − σ)

        return y, backward


def network(
    shape: tuple[int, ...], outputs: int, /, *, seed: np.random.Generator | int,
    dtype: str = "float32",
) -> Network:  # fmt: skip
    """Observations of `shape` → `outputs` action values."""
    layers = [Scale((1 / 2.4, 1 / 2, 1 / 0.21, 1 / 2)), Linear(64), Swish(), Linear(64), Swish()]
    return Network([*layers, Linear(outputs)], shape, make_ops("numpy", dtype), seed)


def squares(y: Array) -> tuple[Array, Array]:
    """L = ½ Σ y², ∂L/∂y = y: any loss will do for the check."""
    return 0.5 * (y * y).sum(), y


print(network((4,), 2, seed=0).describe())
inputs = np.random.default_rng(0).normal(size=(8, 4))
errors = check_network(network((4,), 2, seed=0, dtype="float64"), inputs, squares)
worst = max(errors, key=errors.__getitem__)
print(f"worst relative error against differences: {errors[worst]:.1e} ({worst})")

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
result = train("dqn", "CartPole-v1", parts=Parts(net=network), seed=1, steps=steps)
print(f"best evaluation {result.mean_reward:.1f} after {result.env_steps:,} env steps")
