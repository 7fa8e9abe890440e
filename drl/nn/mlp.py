"""The multilayer perceptron: classifier of the digits, value function and policy of the agents."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from drl.nn.conv import FRONTS, Conv, Conv2d, MaxPool2d, Pool
from drl.nn.init import INITS, Init, he, uniform, xavier
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import ACTIVATIONS, Flatten, Layer, Linear, Scale, Shape
from drl.nn.network import Network, as_shape
from drl.nn.normalise import Normalise
from drl.nn.ops import has_torch, make_ops

T = TypeVar("T")
Front = str | Conv | Pool | Sequence[Conv | Pool] | None


class MLP(Network):
    """x → [scale] → [normalise] → [convolutions] → hidden layers → outputs.

    Without a hidden layer it is logistic regression (its logits; the loss holds the likelihood),
    with one output besides a single neuron.  With `conv` the first layers share their weights.

    input_shape  inputs of one example: a number, (I,), or an image (H, W, C)
    outputs      outputs of one example: logits or action values, without activation
    hidden       neurons of each hidden layer; a number: of one
    activation   "relu", "tanh" or "sigmoid", after every layer but the last
    conv         "digits", "minatar", "nature", or specs: (Conv(16, 3), Pool(2), …), or one
    scale        constant factor on the inputs (a number, or one per input), e.g. 1/255 for bytes
    normalise    running mean and deviation of the inputs (Normalise), for an agent to move
    init         "he", "xavier", "orthogonal", "uniform"; default He before ReLU, else Xavier, and
                 for the outputs U(±1/√fan_in)
    layer_norm   LayerNorm between a layer's products and its activation
    backend      "numpy", "torch", or "auto": by size, see `choose_backend`
    seed         int or numpy Generator; the same weights on both backends

    ValueError on sizes below 1, names that are not there, and shapes that do not fit.
    """

    def __init__(
        self, input_shape: int | Shape, outputs: int, hidden: int | Sequence[int] = (128, 128),
        activation: str = "relu", conv: Front = None, bias: bool = True,
        scale: float | Sequence[float] | None = None, init: str | None = None,
        backend: str = "auto", dtype: str = "float32", device: str = "cpu",
        seed: int | np.random.Generator = 0, normalise: bool = False,
        layer_norm: bool = False,
    ) -> None:  # fmt: skip
        inputs, convolutions = as_shape(input_shape), front_of(conv)
        hidden = (int(hidden),) if isinstance(hidden, int | np.integer) else tuple(hidden)
        units = Normalise() if normalise else None
        layers = front(inputs, convolutions, activation, bias, scale, init, units, layer_norm)
        layers += dense(hidden, activation, partial(Linear, bias=bias), init, layer_norm)
        layers.append(Linear(outputs, bias=bias, init=_init(init, uniform)))
        if backend == "auto":
            backend = choose_backend(inputs, outputs, hidden, convolutions, device)
        super().__init__(layers, inputs, make_ops(backend, dtype, device), seed)


def front(
    inputs: Shape, conv: Sequence[Conv | Pool] = (), activation: str = "relu", bias: bool = True,
    scale: float | Sequence[float] | None = None, init: str | None = None,
    normalise: Normalise | None = None, layer_norm: bool = False,
) -> list[Layer]:  # fmt: skip
    """The layers x → [scale] → [normalise] → [convolutions] → a vector.   Arguments as in MLP."""
    layers: list[Layer] = []
    if scale is not None:
        layers.append(Scale(tuple(scale) if isinstance(scale, Sequence) else scale))
    if normalise is not None:
        layers.append(normalise)
    function, inner = _activation(activation), _init(init, _inner(activation))
    for spec in conv:
        if isinstance(spec, Pool):
            layers.append(MaxPool2d(spec.size))
        else:
            conv2d = Conv2d(
                spec.filters, spec.kernel, spec.stride, spec.padding, bias=bias, init=inner
            )
            layers += [conv2d, *([LayerNorm()] if layer_norm else []), function()]
    if len(inputs) > 1:
        layers.append(Flatten())
    return layers


def dense(
    hidden: Sequence[int], activation: str = "relu",
    linear: Callable[..., Layer] = Linear, init: str | None = None, layer_norm: bool = False,
) -> list[Layer]:  # fmt: skip
    """Hidden layers: for each width a linear layer and the activation.   Arguments as in MLP.

    linear  the linear layer, called as linear(width, init=…): Linear, NoisyLinear
    """
    function, inner = _activation(activation), _init(init, _inner(activation))
    layers: list[Layer] = []
    for width in hidden:
        norm = [LayerNorm()] if layer_norm else []
        layers += [linear(width, init=inner), *norm, function()]
    return layers


def choose_backend(
    inputs: Shape, outputs: int, hidden: Sequence[int], front: Sequence[Conv | Pool], device: str
) -> str:
    """The array library by size: numpy for small networks, torch for wide ones and for every GPU.

    numpy for all that runs on the CPU where torch is not installed.

    Measured (benchmarks/RESULTS.md): with every matrix below 512 × 512 weights numpy is faster
    or even, and starts two seconds sooner; from there on torch's products and its fused Adam win.
    Convolutions go to torch from a million multiplications an image on.
    """
    if device != "cpu":
        return "torch"
    if not has_torch():
        return "numpy"
    if front:
        return "torch" if _multiplications(inputs, front) > 1_000_000 else "numpy"
    widths = [math.prod(inputs), *hidden, outputs]
    largest = max(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    return "torch" if largest >= 512 * 512 else "numpy"


def _multiplications(shape: Shape, front: Sequence[Conv | Pool]) -> int:
    """Products of a weight and a pixel in the front's convolutions, for one image."""
    total = 0
    for spec in front:
        if isinstance(spec, Pool):
            shape = MaxPool2d(spec.size).build(shape)
        else:
            fan_in = spec.kernel**2 * shape[-1]
            shape = Conv2d(spec.filters, spec.kernel, spec.stride, spec.padding).build(shape)
            total += math.prod(shape) * fan_in
    return total


def front_of(conv: Front) -> tuple[Conv | Pool, ...]:
    """The specs of a front, given by its name or themselves.  ValueError for an unknown name."""
    if conv is None:
        return ()
    if isinstance(conv, Conv | Pool):
        return (conv,)
    return _lookup("conv", conv, FRONTS) if isinstance(conv, str) else tuple(conv)


def _activation(name: str) -> Callable[[], Layer]:
    return _lookup("activation", name, ACTIVATIONS)


def _init(name: str | None, default: Init) -> Init:
    return default if name is None else _lookup("init", name, INITS)


def _inner(activation: str) -> Init:
    """The initial weights before an activation: He before a ReLU, Xavier before the others."""
    return he if activation == "relu" else xavier


def _lookup(what: str, name: str, table: dict[str, T]) -> T:
    if name not in table:
        raise ValueError(f"unknown {what} {name!r}; expected one of {', '.join(table)}")
    return table[name]
