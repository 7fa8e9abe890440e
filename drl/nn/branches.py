"""A network that looks at parts of its input apart, and joins what it has made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from drl.nn.chain import chained, pulled, unrolled
from drl.nn.layers import Layer, Pullback, Shape
from drl.nn.ops import Array, Ops


class Slice(Layer):
    """y = x[start:stop] in the given shape: a part of a vector, perhaps a picture.

    ∂L/∂x is dy in its place and 0 elsewhere.   x: (B, I), y: (B, *shape).

    ValueError where the part is not in the input, or has another number of values.
    """

    def __init__(self, start: int, stop: int, shape: Shape | None = None) -> None:
        self.start, self.stop = start, stop
        self.shape = (stop - start,) if shape is None else tuple(shape)
        if math.prod(self.shape) != stop - start:
            raise ValueError(f"{stop - start} values are no {self.shape}")

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 1 or not 0 <= self.start < self.stop <= shape[0]:
            raise ValueError(f"no part {self.start} … {self.stop} in inputs of shape {shape}")
        return self.shape

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops, (start, stop) = self.ops, (self.start, self.stop)

        def backward(dy: Array, inputs: bool = True) -> Array:
            if not inputs:
                return None
            dx = ops.zeros(dy.shape[0], x.shape[1])
            dx[:, start:stop] = dy.reshape(dy.shape[0], stop - start)  # ∂L/∂x: dy in its place
            return dx

        return x[:, start:stop].reshape(x.shape[0], *self.shape), backward

    def describe(self) -> str:
        return f"inputs {self.start} to {self.stop - 1}"


class Branches(Layer):
    """y = (f(x), g(x), …) side by side, each a chain of layers of its own that ends in a vector.

    ∂L/∂x = Σ over the branches of its own ∂L/∂x, of its own part of dy.   x: (B, …), y: (B, Σ O).

    branches  name → layers, from input to output; their parameters are called "image.conv2d0.W"

    ValueError where a branch has no layers, does not end in a vector, or holds a layer twice.
    """

    def __init__(self, branches: Mapping[str, Sequence[Layer]]) -> None:
        self.branches = {name: list(layers) for name, layers in branches.items()}
        if not self.branches or not all(self.branches.values()):
            raise ValueError("every branch needs at least 1 layer")
        inner = [layer for layers in self.branches.values() for layer in layers]
        if any(layer.place for layer in inner) or len({*map(id, inner)}) < len(inner):
            raise ValueError("a layer of a branch has a place already: make a new one for each")
        if any(layer.conditional for layer in inner):
            raise ValueError("layers of branches see their input alone: put those with a condition "
                             "behind them")  # fmt: skip
        self.noisy = any(layer.noisy for layer in inner)

    @property
    def inputs_alone(self) -> bool:  # type: ignore[override]
        return all(layer.inputs_alone or not layer.shapes for layer, _ in self.inside())

    def build(self, shape: Shape) -> Shape:
        self.shapes, self.inner, self.widths = {}, {}, {}
        for branch, layers in self.branches.items():
            counts: dict[str, int] = {}
            made = shape
            for layer in layers:
                made = layer.build(made)
                kind = type(layer).__name__.lower()
                layer.name = f"{branch}.{kind}{counts.setdefault(kind, 0)}"
                counts[kind] += 1
                self.inner[layer.name] = made
                self.shapes |= {f"{layer.name}.{of}": size for of, size in layer.shapes.items()}
            if len(made) != 1:
                raise ValueError(f"branch {branch} ends in {made}; put Flatten at its end")
            self.widths[branch] = made[0]
        return (sum(self.widths.values()),)

    def inside(self) -> Iterator[tuple[Layer, Shape]]:
        for layers in self.branches.values():
            for layer in layers:
                yield layer, self.inner[layer.name]

    def activations(self, x: Array) -> Iterator[Array]:
        for layers in self.branches.values():
            y = x
            for layer in layers:
                inner = list(layer.activations(y))
                y = layer.forward(y)[0]
                yield from inner or [y]

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        for layer, _ in self.inside():
            own = {of: arrays[f"{layer.name}.{of}"] for of in layer.shapes}
            layer.bind(ops, own | {f"d{of}": arrays[f"d{layer.name}.{of}"] for of in own})

    def initialise(self, rng: np.random.Generator) -> None:
        for layer, _ in self.inside():
            layer.initialise(rng)

    def resample(self, rng: np.random.Generator | None) -> None:
        for layer, _ in self.inside():
            layer.resample(rng)

    @property
    def state_size(self) -> int:
        return sum(layer.state_size for layers in self.branches.values() for layer in layers)

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        outputs, chains = [], {}
        for branch, layers in self.branches.items():
            y, chains[branch] = chained(layers, x)
            outputs.append(y)
        return self.ops.concat(outputs), self._backwards(chains)

    def unroll(
        self, x: Array, h: Array, keep: Array | None = None
    ) -> tuple[Array, Array, Pullback]:  # fmt: skip
        outputs, states, chains, start = [], [], {}, 0
        for branch, layers in self.branches.items():
            y, own, chains[branch] = unrolled(layers, x, h[:, start:], keep)
            outputs.append(y)
            states += own
            start += sum(state.shape[1] for state in own)
        return self.ops.concat(outputs), self.ops.concat(states), self._backwards(chains)

    def _backwards(self, chains: Mapping[str, Sequence[Pullback]]) -> Pullback:
        """The chain rule through every branch."""

        def backward(dy: Array, inputs: bool = True, params: bool = True) -> Array:
            start, total = 0, None
            for branch, pullbacks in chains.items():
                width, lowest = self.widths[branch], _lowest(self.branches[branch])
                part = dy[:, start : start + width]  # ∂L/∂(its output): its own columns of dy
                start += width
                if not inputs and lowest is None:
                    continue  # nothing is learnt there
                if params:
                    last = 0 if inputs or lowest is None else lowest
                    for pullback in reversed(pullbacks[last + 1 :]):
                        part = pullback(part)
                    dx = pullbacks[last](part, inputs)
                else:
                    dx = pulled(self.branches[branch], pullbacks, part)
                total = dx if total is None else total + dx  # ∂L/∂x = Σ of the branches'
            return total if inputs else None

        return backward

    def only(self, *names: str) -> Branches:
        """Some of the branches, in this order: the same layers, in the same network."""
        some = object.__new__(Branches)
        chosen = {name: self.branches[name] for name in names}
        vars(some).update(vars(self) | {"branches": chosen})
        return some

    def describe(self) -> str:
        return f"{len(self.branches)} branches side by side"


def _lowest(layers: Sequence[Layer]) -> int | None:
    """The first layer with parameters."""
    return next((i for i, layer in enumerate(layers) if layer.shapes), None)
