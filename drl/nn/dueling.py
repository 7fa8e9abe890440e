"""Dueling: the value of a state, and the advantage of each action.   Wang et al. 2016."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drl.nn.layers import Layer, Linear, Pullback, Shape
from drl.nn.ops import Array, Ops


class Dueling(Layer):
    """Q(s, a) = V(s) + A(s, a) − (1/|A|) Σ_a′ A(s, a′).   Wang et al. 2016, eq. 9.

    Without the mean a constant could move between V and A.  Two streams: the first half of the
    inputs x (B, 2H) are V's hidden neurons, the second half A's, and each stream ends in a layer of
    its own.  Gradients are the derivatives, without the factor 1/√2 that section 4.2 of the paper
    puts on ∂L/∂x (docs/deviations.md).

    actions  |A|
    atoms    numbers that describe the return of an action, N; the equation holds for each: y is
             (B, |A|·N), action by action
    linear   the last layer of a stream, by its outputs: drl.nn.layers.Linear or
             drl.nn.noisy.NoisyLinear

    ValueError below 1 action or atom, or for an odd number of inputs.
    """

    def __init__(
        self, actions: int, atoms: int = 1, linear: Callable[[int], Layer] = Linear
    ) -> None:
        if actions < 1 or atoms < 1:
            raise ValueError(f"dueling needs actions and atoms ≥ 1, got {actions} and {atoms}")
        self.actions, self.atoms = actions, atoms
        self.streams = {"value": linear(atoms), "advantage": linear(actions * atoms)}
        self.noisy = any(stream.noisy for stream in self.streams.values())

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 1 or shape[0] % 2:
            raise ValueError(f"dueling needs an even number of inputs to halve, got {shape}")
        self.half = shape[0] // 2
        self.shapes = {}
        for name, stream in self.streams.items():
            stream.build((self.half,))
            self.shapes |= {f"{name}_{of}": size for of, size in stream.shapes.items()}
        return (self.actions * self.atoms,)

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        for name, stream in self.streams.items():
            own = {of: arrays[f"{name}_{of}"] for of in stream.shapes}
            stream.bind(ops, own | {f"d{of}": arrays[f"d{name}_{of}"] for of in own})

    def initialise(self, rng: np.random.Generator) -> None:
        for stream in self.streams.values():
            stream.initialise(rng)

    def resample(self, rng: np.random.Generator | None) -> None:
        for stream in self.streams.values():
            stream.resample(rng)

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops = self.ops
        value, value_backward = self.streams["value"].forward(x[:, : self.half])
        flat, advantage_backward = self.streams["advantage"].forward(x[:, self.half :])
        advantage = flat.reshape(-1, self.actions, self.atoms)
        centred = advantage - ops.mean(advantage, axis=1, keepdims=True)
        q = value[:, None] + centred  # V + A − mean A: (B, actions, atoms)

        def backward(dy: Array, inputs: bool = True) -> Array:
            dq = dy.reshape(-1, self.actions, self.atoms)
            dvalue = ops.sum(dq, axis=1)  # ∂L/∂V = Σ_a dq
            dadvantage = dq - dvalue[:, None] / self.actions  # ∂L/∂A = dq − mean_a dq
            dx = [
                value_backward(dvalue, inputs),
                advantage_backward(dadvantage.reshape(dy.shape), inputs),
            ]
            return ops.concat(dx) if inputs else None

        return q.reshape(-1, self.actions * self.atoms), backward

    def describe(self) -> str:
        return "a state's value, and every action's advantage over their mean"
