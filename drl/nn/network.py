"""A network is one vector: a chain of layers whose parameters are views of `params`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from drl.nn.chain import pulled
from drl.nn.flat import FlatParameters
from drl.nn.layers import Layer, Pullback, Shape, WholePullback
from drl.nn.memory import require_memory
from drl.nn.ops import Array, Ops


class Network:
    """y = f_n(… f_2(f_1(x))), a chain of layers, and the chain rule backwards through it.

    params, grads: θ and ∂L/∂θ as flat arrays (P,).  The copy to a target network, the norm of the
    gradient, the optimizer's step and the checkpoint are each one operation on them.

    layers       own ones too: whatever derives from Layer
    input_shape  of one example
    ops          numpy's operations or torch's: `make_ops`
    seed         int or numpy Generator, of the initial weights

    A copy (copy.deepcopy, pickle, fork, spawn) is a network of its own, as is a copy's optimizer.

    ValueError where a layer does not fit the output of the one before, or has its parameters in a
    network already; MemoryError where they do not fit into memory.
    """

    carries = False  # whether its layers may have a state

    def __init__(
        self, layers: Sequence[Layer], input_shape: int | Shape, ops: Ops,
        seed: int | np.random.Generator = 0,
    ) -> None:  # fmt: skip
        self.layers = list(layers)
        self.ops = ops
        self.input_shape = as_shape(input_shape)
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"input_shape must be positive numbers, got {input_shape}")

        if not self.carries and any(layer.state_size for layer in self.layers):
            raise ValueError("a layer carries a state: make the network a drl.nn.Recurrent")
        self.output_shapes: list[Shape] = []
        counts: dict[str, int] = {}
        shape = self.input_shape
        for i, layer in enumerate(self.layers):
            twice = layer.place or any(layer is before for before in self.layers[:i])
            if twice and layer.shapes:
                raise ValueError(
                    f"layer {i}, {layer.name or type(layer).__name__}, has its parameters in a "
                    "network already: make a new layer for each place, or take its unbound()"
                )
            shape = layer.build(shape)
            self.output_shapes.append(shape)
            kind = type(layer).__name__.lower()
            layer.name = f"{kind}{counts.setdefault(kind, 0)}"
            counts[kind] += 1

        # the first layer with parameters: ∂L/∂x below it is computed only where the caller asks
        self.lowest = next((i for i, layer in enumerate(self.layers) if layer.shapes), 0)
        self.noisy = [layer for layer in self.layers if layer.noisy]
        self.buffered = [layer for _, layer, _ in self.stages() if layer.buffers]
        self.conditional = any(layer.conditional for layer in self.layers)
        self.size = sum(math.prod(s) for layer in self.layers for s in layer.shapes.values())
        if str(ops.device) == "cpu":
            require_memory(
                2 * self.size * ops.dtype.itemsize,
                f"a network of {self.size:,} parameters with its gradient",
                "smaller hidden layers",
            )
        self.flat = FlatParameters(ops, self.size)
        self.params, self.grads = self.flat.params, self.flat.grads
        rng = np.random.default_rng(seed)
        self.spans: dict[str, slice] = {}  # layer name → where its parameters lie in the vector
        # and each of its arrays there: name, place, shape
        self.arrays: dict[str, list[tuple[str, slice, Shape]]] = {}
        offset = 0
        for layer in self.layers:
            start, offset = offset, offset + sum(map(math.prod, layer.shapes.values()))
            at = start
            for name, part, _ in stages(layer, ()):
                first = at
                self.arrays[name] = []
                for of, size in part.shapes.items():
                    self.arrays[name].append((of, slice(at, at + math.prod(size)), size))
                    at += math.prod(size)
                if at > first:
                    self.spans[name] = slice(first, at)
            layer.place = self.flat, start
            layer.bind(ops, self.flat.views(start, layer.shapes))
            layer.initialise(rng)

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but `params` and `grads`, which `flat` holds."""
        own = ("params", "grads")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self.params, self.grads = self.flat.params, self.flat.grads

    def forward(self, x: Array, condition: Array | None = None) -> tuple[Array, WholePullback]:
        """x (B, *input_shape) → y (B, outputs), and the pullback that fills `grads`.

        backward(dy) overwrites `grads` with ∂L/∂θ; it returns ∂L/∂x only if asked with
        inputs=True, and ∂L/∂x alone, `grads` as they are, with params=False.  dy may be given for
        the first rows of the batch alone.  Until then neither `params` nor the array x may be
        overwritten: the pullback reads them, not copies.

        condition  what a conditional layer is given besides its input, where the network has one:
                   the fractions τ of drl.nn.embedding.QuantileEmbedding

        ValueError if x or dy has another shape, or the condition is missing or not asked for.
        """
        x = self._inputs(x, condition)
        pullbacks = []
        for layer in self.layers:
            if layer.conditional:
                x, pullback = layer.forward(x, condition)  # type: ignore[call-arg]
            else:
                x, pullback = layer.forward(x)
            pullbacks.append(pullback)

        return x, self._backwards(pullbacks, x.shape[0])

    def _backwards(self, pullbacks: Sequence[Pullback], rows: int) -> WholePullback:
        """The chain rule through all layers, of an output of so many rows."""

        def backward(dy: Array, inputs: bool = False, params: bool = True) -> Array:
            dy = self.ops.asarray(dy)
            if dy.shape[1:] != self.output_shapes[-1] or dy.shape[0] > rows:
                wanted = ", ".join(map(str, (f"at most {rows}", *self.output_shapes[-1])))
                raise ValueError(f"∂L/∂y must have shape ({wanted}), got {tuple(dy.shape)}")
            if not params:
                return self._inputs_alone(pullbacks, dy)
            last = 0 if inputs else self.lowest
            for pullback in reversed(pullbacks[last + 1 :]):
                dy = pullback(dy)
            return pullbacks[last](dy, inputs)

        return backward

    def _inputs_alone(self, pullbacks: Sequence[Pullback], dy: Array) -> Array:
        """∂L/∂x; of layers that cannot give it alone the gradients are put back."""
        if all(layer.inputs_alone or not layer.shapes for layer in self.layers):
            return pulled(self.layers, pullbacks, dy)
        kept = self.grads + 0
        for pullback in reversed(pullbacks):
            dy = pullback(dy)
        self.grads[:] = kept
        return dy

    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        """x (B, *input_shape) → y (B, outputs), without a pullback.   Arguments as in forward."""
        return self.forward(x, condition)[0]

    def activations(self, x: Array, condition: Array | None = None) -> dict[str, Array]:
        """The output of every layer by its name, as `stages` has them: of branches those inside.
        Arguments as in forward."""
        x, outputs = self._inputs(x, condition), list[Array]()
        for layer in self.layers:
            inner = list(layer.activations(x))
            given = (x, condition) if layer.conditional else (x,)
            x = layer.forward(*given)[0]
            outputs += inner or [x]
        return dict(zip((name for name, _, _ in self.stages()), outputs, strict=True))

    def _inputs(self, x: Array, condition: Array | None) -> Array:
        """x as an array of the network's library.   ValueError where the inputs do not fit."""
        x = self.ops.asarray(x)
        if x.shape[1:] != self.input_shape:
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"the network takes inputs (batch, {wanted}), got {tuple(x.shape)}")
        if (condition is not None) != self.conditional:
            raise ValueError(
                "the network needs a condition besides x: QuantileEmbedding's τ"
                if self.conditional else "the network takes no condition: none of its layers does"
            )  # fmt: skip
        return x

    def resample(self, rng: np.random.Generator | None) -> None:
        """Draw new noise for the noisy layers; None: no noise."""
        for layer in self.noisy:
            layer.resample(rng)

    def load(self, params: np.ndarray) -> None:
        """θ ← params, a numpy array (P,) from a checkpoint.

        ValueError where the size or the precision is another, or a number is NaN or Inf.
        """
        if not isinstance(params, np.ndarray) or params.shape != (self.size,):
            found = getattr(params, "shape", type(params).__name__)
            raise ValueError(f"the network has ({self.size},) parameters, found {found}")
        if params.dtype != self.ops.numpy(self.params).dtype:
            raise ValueError(f"parameters of another precision: {params.dtype}")
        if not np.isfinite(params).all():
            (name,) = [n for n, span in self.spans.items() if not np.isfinite(params[span]).all()][
                :1
            ]
            raise ValueError(f"the parameters of {name} hold NaN or Inf")
        self.params[:] = self.ops.asarray(params)

    def saved(self, name: str = "net") -> dict[str, Any]:
        """θ and the buffers as a part of a state: {name: (P,), name + "_buffers": by their names},
        numpy, copied; without the latter where there are none."""
        state: dict[str, Any] = {name: np.array(self.ops.numpy(self.params))}
        if self.buffered:
            state[f"{name}_buffers"] = {of: array.copy() for of, array in self.buffers.items()}
        return state

    def restore(self, state: Mapping[str, Any], name: str = "net") -> None:
        """θ and the buffers ← what `saved` gave.   ValueError or KeyError where it does not fit."""
        found = state.get(f"{name}_buffers", {})
        self._require_buffers(found)
        self.load(state[name])
        self._set_buffers(found)

    @property
    def buffers(self) -> dict[str, np.ndarray]:
        """What layers keep besides their parameters, and no gradient moves, by name
        ("normalise0.mean"): float64, on the host, the layers' own arrays."""
        return {
            f"{name}.{of}": array
            for name, layer, _ in self.stages()
            for of, array in layer.buffers.items()
        }

    def _require_buffers(self, arrays: Mapping[str, Any]) -> None:
        own = self.buffers
        if arrays.keys() != own.keys():
            raise ValueError(f"the network has the buffers {[*own]}, found {[*arrays]}")
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.shape != own[name].shape:
                raise ValueError(f"the buffer {name} should have the shape {own[name].shape}")
            if array.dtype != np.float64 or not np.isfinite(array).all():
                raise ValueError(f"the buffer {name} should be finite float64 numbers")

    def _set_buffers(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, buffer in self.buffers.items():
            buffer[...] = arrays[name]
        for layer in self.buffered:
            layer.buffers_changed()

    def views(self, stage: str, vector: Array) -> dict[str, Array]:
        """A stage's arrays in a vector of the size of θ (`params`, `grads`, a moment), by name."""
        return {name: vector[at].reshape(shape) for name, at, shape in self.arrays[stage]}

    def copy_from(self, other: Network, weight: float = 1.0) -> None:
        """θ ← θ + weight (θ_other − θ): a weight of 1 copies, a small one is Polyak averaging.
        With a weight of 1 the buffers are copied too.

        ValueError where the other network has another number of parameters, or other buffers.
        """
        if other.size != self.size:
            raise ValueError(f"cannot copy {other.size} parameters into {self.size}")
        if weight == 1.0:
            self.params[:] = other.params
            if self.buffered or other.buffered:
                self._require_buffers(other.buffers)
                self._set_buffers(other.buffers)
        else:
            self.ops.lerp(self.params, other.params, weight)

    def first_nonfinite(self, flat: Array) -> str:
        """Name of the first layer whose part of `flat` has a norm of NaN or Inf, or "no layer".

        flat  `params` or `grads`
        """
        for name, span in self.spans.items():
            if not math.isfinite(self.ops.norm(flat[span])):
                return name
        return "no layer"

    def multiplications(self) -> list[int]:
        """Products of a weight and a signal for one example, of each layer with weights.

        A convolution's weights are used at every position.
        """
        return [
            sum(math.prod(layer.shapes.get(name, (0,))) for name in ("W", "U"))
            * math.prod(shape[:-1])
            for _, layer, shape in self.stages()
            if "W" in layer.shapes
        ]

    def stages(self) -> Iterator[tuple[str, Layer, Shape]]:
        """Every layer with its name and the shape of its output; of branches those inside."""
        for layer, shape in zip(self.layers, self.output_shapes, strict=True):
            yield from stages(layer, shape)

    def describe(self) -> str:
        """A table: layer, output shape, parameters, and what they are."""
        rows = [("layer", "output", "parameters", "what they are")]
        for name, layer, shape in self.stages():
            count = sum(math.prod(s) for s in layer.shapes.values())
            rows.append((name, "×".join(map(str, shape)), f"{count:,}", layer.describe()))
        rows.append(("total", "", f"{self.size:,}", ""))
        w = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            f"{a:<{w[0]}}  {b:<{w[1]}}  {c:>{w[2]}}  {d}".rstrip() for a, b, c, d in rows
        )


def stages(layer: Layer, shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
    """A layer with its name and the shape of its output; in its place those inside it, however
    deep."""
    inner = [each for part, made in layer.inside() for each in stages(part, made)]
    if not inner:
        yield layer.name, layer, shape
    for name, part, made in inner:
        yield f"{layer.name}.{name}", part, made


def as_shape(shape: int | Shape) -> Shape:
    """The shape (I,) from a number I, numpy's integers among them; a shape as it is."""
    return tuple(shape) if isinstance(shape, Sequence) else (int(shape),)
