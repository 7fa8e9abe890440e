"""Layers: the operation, and right below it its derivative.

`forward(x)` returns y and its pullback.  `backward(dy)` takes dy = ∂L/∂y, fills the layer's own
∂L/∂W and ∂L/∂b, and returns dx = ∂L/∂x.  All that a pullback needs besides W is in its closure, so
several forwards may be open at once, and each pullback is right as long as W has not changed.

Three savings.  `backward(dy, inputs=False)` does not compute ∂L/∂x, which the first layer has no
use for; `backward(dy, params=False)` computes ∂L/∂x alone, which is what a policy needs of its
critic.  And dy may have fewer rows than x: the rows left out have no part in L, so their gradient
is zero and is never computed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

import numpy as np

from drl.nn.flat import FlatParameters
from drl.nn.init import Init, he
from drl.nn.ops import Array, Ops

Shape = tuple[int, ...]


class Pullback(Protocol):
    """dy = ∂L/∂y → dx = ∂L/∂x, and the layer's ∂L/∂θ filled.   inputs=False: without dx."""

    def __call__(self, dy: Array, inputs: bool = True) -> Array: ...


class WholePullback(Protocol):
    """A network's, and that of layers with `inputs_alone`.   params=False: without ∂L/∂θ."""

    def __call__(self, dy: Array, inputs: bool = ..., params: bool = True) -> Array: ...


def rows_of(dy: Array, x: Array) -> Array:
    """The first rows of x, as many as dy has."""
    rows = dy.shape[0]
    return x if x.shape[0] == rows else x[:rows]  # slicing costs a microsecond on torch


class Layer:
    """Base of all layers: derive from it, and give `forward`; with parameters also `build`.

    `shapes` maps each parameter's name to its shape once `build` has seen the input; the network
    then gives the layer its `place` in the one vector, and the views `self.W`, `self.dW`, … of it
    (`bind`).  A copy of the layer (copy.deepcopy, pickle) is bound again, to the copy's vector.

    `buffers` are what a layer keeps besides, float64 on the host, and no gradient moves: the
    network saves, loads and copies them with its parameters.
    """

    name = ""
    ops: Ops
    shapes: dict[str, Shape] = {}
    buffers: dict[str, np.ndarray] = {}
    place: tuple[FlatParameters, int] | None = None  # the vector, and where the layer begins in it
    inputs_alone = False  # whether its pullback takes params=False
    noisy = False  # whether `resample` does anything
    conditional = False  # whether `forward` takes the network's condition, besides x

    def build(self, shape: Shape) -> Shape:
        """Shape of one input → shape of one output (no batch axis).  ValueError if they misfit."""
        return shape

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        """Take the parameters and their gradients: views of the network's one vector.

        A copy of the layer is bound again, then gets the layer's other attributes.
        """
        self.ops = ops
        self._set(arrays)

    def initialise(self, rng: np.random.Generator) -> None:
        """Draw the initial parameters: called once, after `bind`."""

    def resample(self, rng: np.random.Generator | None) -> None:
        """Draw new noise for a noisy layer; None: no noise.  Other layers do nothing."""

    def buffers_changed(self) -> None:
        """The buffers hold other numbers: make anew what is made of them."""

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        """x (B, …) → y (B, …), and the pullback."""
        raise NotImplementedError

    @property
    def state_size(self) -> int:
        """Numbers that it carries from step to step of a sequence; 0: it has no state."""
        return 0

    def unroll(
        self, x: Array, h: Array, keep: Array | None = None
    ) -> tuple[Array, Array, Pullback]:  # fmt: skip
        """B sequences of T steps through a layer with a state: x (T·B, …), the states before them
        h (B, state_size) → y (T·B, …), the states after each step (T·B, state_size), the pullback.

        Row t·B + b is step t of sequence b.   keep: (T, B, 1), 0 where an episode begins, whose
        state is 0 before the step, else 1; None: 1 everywhere.
        """
        raise NotImplementedError

    def copy_from(self, other: Layer) -> None:
        """Parameters and buffers ← those of a layer with the same settings."""
        for name in self.shapes:
            getattr(self, name)[:] = getattr(other, name)
        self._copy_buffers(other)

    def _copy_buffers(self, other: Layer) -> None:
        """Its own, and those of the layers inside it, at any depth."""
        for name, buffer in other.buffers.items():
            self.buffers[name][...] = buffer
        self.buffers_changed()
        for (mine, _), (its, _) in zip(self.inside(), other.inside(), strict=True):
            mine._copy_buffers(its)

    def inside(self) -> Iterator[tuple[Layer, Shape]]:
        """The layers that it is made of, with the shapes of their outputs, where they can be looked
        at one by one; their parameters are its own, in this order, as "name.W"."""
        return iter(())

    def activations(self, x: Array) -> Iterator[Array]:
        """Their outputs, in the same order."""
        return iter(())

    def describe(self) -> str:
        """What the layer and its parameters are, in words."""
        return ""

    def unbound(self) -> Self:
        """A layer with the same settings, in no network yet."""
        made = type(self).__new__(type(self))
        made.__setstate__(copy.deepcopy({**self.__getstate__(), "place": None}))
        return made

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but the views of the network's vector, which the copy cuts anew."""
        views = {name for of in self.shapes for name in (of, f"d{of}")}
        return {
            name: value
            for name, value in vars(self).items()
            if name not in views and not (self.place and self.place[0].holds(value))
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(state)
        if self.place:
            flat, start = self.place
            self.bind(flat.ops, flat.views(start, self.shapes))
            self._set(state)  # `bind` may have reset some

    def _set(self, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


class Linear(Layer):
    """y = xW + b.   x: (B, I), W: (I, O), b: (O,), y: (B, O).  Every output sees every input.

    ValueError below 1 output.
    """

    inputs_alone = True
    W: Array
    b: Array | None = None
    dW: Array
    db: Array | None = None

    def __init__(self, outputs: int, bias: bool = True, init: Init = he) -> None:
        if outputs < 1:
            raise ValueError(f"a layer needs at least 1 output, got {outputs}")
        self.outputs, self.bias, self.init = outputs, bias, init

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(f"Linear takes vectors, got inputs of {shape}; put Flatten before")
        self.shapes = {"W": (shape[0], self.outputs)}
        if self.bias:
            self.shapes["b"] = (self.outputs,)
        return (self.outputs,)

    def initialise(self, rng: np.random.Generator) -> None:
        self.W[:] = self.ops.asarray(self.init(rng, *self.shapes["W"]))

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops = self.ops
        y = ops.linear(x, self.W, self.b)  # xW + b

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            if params:
                ops.matmul(rows_of(dy, x).T, dy, out=self.dW)  # ∂L/∂W = xᵀ dy
                if self.db is not None:
                    ops.sum_rows(dy, out=self.db)  # ∂L/∂b = Σ_batch dy
            return ops.linear_backward(dy, self.W) if inputs else None  # ∂L/∂x = dy Wᵀ

        return y, backward

    def describe(self) -> str:
        inputs, outputs = self.shapes["W"]
        return f"{inputs} weights for each of {outputs} neurons" + ", 1 bias each" * self.bias


class ReLU(Layer):
    """y = max(0, x), elementwise, any shape.   Nair & Hinton 2010."""

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        y = self.ops.relu(x)

        def backward(dy: Array, inputs: bool = True) -> Array:
            return self.ops.relu_backward(dy, rows_of(dy, y))  # ∂L/∂x = dy · 1[x > 0]

        return y, backward


class Tanh(Layer):
    """y = tanh x, elementwise, any shape."""

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        y = self.ops.tanh(x)

        def backward(dy: Array, inputs: bool = True) -> Array:
            return self.ops.tanh_backward(dy, rows_of(dy, y))  # ∂L/∂x = dy (1 − tanh² x)

        return y, backward


def sigmoid(ops: Ops, x: Array) -> Array:
    """σ(x) = 1/(1 + e⁻ˣ) = ½ (1 + tanh(x/2)), the form that never overflows."""
    return 0.5 * (1 + ops.tanh(0.5 * x))


class Sigmoid(Layer):
    """y = σ(x) = 1/(1 + e⁻ˣ), elementwise, any shape: the neuron of the notes."""

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        y = sigmoid(self.ops, x)

        def backward(dy: Array, inputs: bool = True) -> Array:
            s = rows_of(dy, y)
            return dy * (s * (1 - s))  # ∂L/∂x = dy σ(1 − σ)

        return y, backward


class Flatten(Layer):
    """y = x as vectors: (B, H, W, C) → (B, H·W·C), any shape."""

    def build(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        def backward(dy: Array, inputs: bool = True) -> Array:
            return dy.reshape(dy.shape[0], *x.shape[1:])  # ∂L/∂x: dy in the shape of x

        return x.reshape(x.shape[0], math.prod(x.shape[1:])), backward


class Scale(Layer):
    """y = s ⊙ x with a constant s, which makes the units of the inputs comparable.

    A layer of the network, so that a policy is never shipped without its units.

    factor  s: a number, or one per input.   ValueError where one is NaN or Inf.
    """

    def __init__(self, factor: float | tuple[float, ...]) -> None:
        if not np.all(np.isfinite(factor)):
            raise ValueError(f"scale must be finite numbers, got {factor}")
        self.factor = factor

    def build(self, shape: Shape) -> Shape:
        try:
            np.broadcast_to(self.factor, shape)
        except ValueError:
            count = np.shape(self.factor)
            raise ValueError(f"scale {count} does not fit inputs of shape {shape}") from None
        return shape

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        self.s = ops.asarray(self.factor)

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        def backward(dy: Array, inputs: bool = True) -> Array:
            return dy * self.s if inputs else None  # ∂L/∂x = s dy

        return x * self.s, backward

    def describe(self) -> str:
        return "constant, not learnt"


ACTIVATIONS: dict[str, Callable[[], Layer]] = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}
