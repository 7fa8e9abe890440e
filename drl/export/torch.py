"""A network as a torch `state_dict`, and the module that loads it."""

from __future__ import annotations

import io
import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drl.export.modules import OWN
from drl.export.observation import ENCODED, is_encoded
from drl.export.states import state_size
from drl.extras import require
from drl.nn import Network
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Flatten, Layer, Linear, ReLU, Scale, Shape, Sigmoid, Tanh
from drl.nn.normalise import Normalise
from drl.nn.recurrent import GRU

Layers = list[tuple[Layer, Shape, Shape]]  # each with the shapes of its input and output
ACTIVATIONS = {ReLU: "nn.ReLU()", Tanh: "nn.Tanh()", Sigmoid: "nn.Sigmoid()"}


def encode(net: Network, about: dict[str, Any]) -> bytes:
    """torch.save of a dict of tensors in torch's layout: weights (O, I), kernels (O, C, k, k).

    torch flattens an image channel by channel, we pixel by pixel: the rows of the weights behind
    are put in its order.  The dict has `about` as an attribute.
    """
    require("export to torch", "torch")
    import torch

    pieces = _pieces(net) if state_size(net) else _chains(net)
    tensors = {name: value for piece in pieces for name, value in piece.tensors.items()}
    file = io.BytesIO()
    kept = OrderedDict((k, torch.tensor(np.ascontiguousarray(v))) for k, v in tensors.items())
    kept.about = about  # type: ignore[attr-defined]  # as torch keeps its own `_metadata`
    torch.save(kept, file)
    return file.getvalue()


def reader(net: Network, path: Path, about: Mapping[str, Any]) -> str:
    """The module that the state_dict fits."""
    size, double = state_size(net), _double(net)
    module = _recurrent(net) if size else _chained(net)
    file = f"torch.load({json.dumps(str(path), ensure_ascii=False)}, weights_only=True)"
    if not is_encoded(about):
        return f"{module}net.load_state_dict({file})\n"
    given, y, h = "", "y", ""
    if size:
        given = f"h = torch.zeros(1, {size}){double}  # where an episode begins\n"
        y, h = "y, h", ", h"
    return f"""\
import numpy as np
{module}
{ENCODED}
file = {file}
net.load_state_dict(file)
x = encoded(file.about["observation"], observation)
{given}{y} = net(torch.from_numpy(x){double}{h})
"""


def _chained(net: Network) -> str:
    """The module of chains of layers that are joined."""
    *before, last = _chains(net)
    x, joined = "x", ""
    for chain in before:
        if chain.name:
            joined += f"            self.{chain.name}({chain.x}),\n"
        else:
            x = chain.x
    if joined:
        scaled = "" if x == "x" else f"        x = {x}\n"
        body = f"{scaled}        x = torch.cat([\n{joined}        ], 1)\n"
    else:
        body = ""
    shape = ", ".join(map(str, net.input_shape))
    body += f"        return self.layers({last.x})\n"
    return _module(net, [*before, last], f"x):  # (B, {shape})", body)


def _module(
    net: Network, pieces: Sequence[_Chain | _Cell], signature: str, body: str
) -> str:  # fmt: skip
    """The code that makes it."""
    buffers = "".join(piece.buffers for piece in pieces)
    modules = "".join(piece.module for piece in pieces)
    own = "".join(text for name, text in OWN.items() if f" {name}(" in modules)
    return f"""\
import torch
from torch import nn
{own}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
{buffers}{modules}
    def forward(self, {signature}
{body}
net = Net(){_double(net)}
"""


def _double(net: Network) -> str:
    return ".double()" if net.ops.numpy(net.params).dtype == np.float64 else ""


def _pieces(net: Network) -> list[_Chain | _Cell]:
    """Of a network with a state: chains of layers, and between them those that have one."""
    pieces: list[_Chain | _Cell] = []
    chain: Layers = []
    order = None
    shape = net.input_shape
    for layer, made in zip(net.layers, net.output_shapes, strict=True):
        if isinstance(layer, GRU):
            cells = sum(isinstance(piece, _Cell) for piece in pieces)
            if chain:
                pieces.append(before := _Chain(net, f"before{cells}", chain))
                order = before.order
            pieces.append(_Cell(net, f"gru{cells}", layer, order))
            chain, order = [], None
        else:
            chain.append((layer, shape, made))
        shape = made
    return [*pieces, _Chain(net, "layers", chain)] if chain else pieces


def _recurrent(net: Network) -> str:
    """The module of a network with a state: x and the states before → outputs, the states after."""
    pieces = _pieces(net)
    cells = [piece for piece in pieces if isinstance(piece, _Cell)]
    states, lines = ["h"], []
    if len(cells) > 1:
        states = [f"h{i}" for i in range(len(cells))]
        sizes = ", ".join(str(cell.units) for cell in cells)
        lines.append(f"{', '.join(states)} = h.split(({sizes}), 1)")
    own = iter(states)
    for piece in pieces:
        if isinstance(piece, _Cell):
            state = next(own)
            lines.append(f"x = {state} = self.{piece.name}(x, {state})")
        else:
            lines.append(f"x = self.{piece.name}({piece.x})")
    after = states[0] if len(states) == 1 else f"torch.cat([{', '.join(states)}], 1)"
    body = "".join(f"        {line}\n" for line in [*lines, f"return x, {after}"])
    shape = ", ".join(map(str, net.input_shape))
    takes = f"x, h):  # (B, {shape}), states (B, {state_size(net)}): 0 where an episode begins"
    return _module(net, pieces, takes, body)


class _Cell:
    """A layer with a state, as torch has it: its second bias of r and z is 0."""

    buffers = ""

    def __init__(
        self, net: Network, name: str, layer: GRU, order: np.ndarray | None
    ) -> None:  # fmt: skip
        self.name, self.units = name, layer.units
        W, U, b, c = (net.ops.numpy(getattr(layer, of)) for of in "WUbc")
        W = W if order is None else W[order]
        hidden = np.concatenate([np.zeros(2 * layer.units, c.dtype), c])
        parts = {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b, "bias_hh": hidden}
        self.tensors = {f"{name}.{of}": array for of, array in parts.items()}
        self.module = f"        self.{name} = nn.GRUCell({W.shape[0]}, {layer.units})\n"


class _Chain:
    """Layers one behind the other, as torch has them.

    name     of its nn.Sequential
    tensors  its part of the state_dict
    lines    what it is made of
    x        what it is called with
    buffers  the lines that make room for its scale and statistics
    order    where torch's numbers are among ours: of its inputs, then of its outputs; None: the
             same
    """

    def __init__(
        self, net: Network, name: str, layers: Layers, order: np.ndarray | None = None
    ) -> None:
        self.name, self.x, self.buffers = name, "x", ""
        self.tensors: dict[str, np.ndarray] = {}
        self.lines: list[str] = []
        convolutional = any(isinstance(layer, (Conv2d, MaxPool2d)) for layer, _, _ in layers)
        i = 0
        for layer, shape, _ in layers:
            if isinstance(layer, Slice):
                self.x = f"x[:, {layer.start}:{layer.stop}]"
                if len(layer.shape) > 1:
                    self.x += f".reshape({', '.join(map(str, (-1, *layer.shape)))})"
                continue
            if isinstance(layer, Scale):
                self.x = f"{self.x} * {self._buffer('scale', net.ops.numpy(layer.s))}"
                continue
            if isinstance(layer, Normalise):
                mean, rate, low, high = (
                    self._buffer(of, net.ops.numpy(array))
                    for of, array in (("mean", layer.mu), ("rate", layer.rate),
                                      ("low", layer.low), ("high", layer.high))
                )  # fmt: skip
                self.x = f"(({self.x} - {mean}) * {rate}).clamp({low}, {high})"
                continue
            if isinstance(layer, Flatten) and convolutional:
                order = np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1).reshape(-1)
            elif isinstance(layer, Conv2d):
                weight = net.ops.numpy(layer.W).transpose(3, 2, 0, 1)
                self.tensors[f"{name}.{i}.weight"] = weight
            elif isinstance(layer, (LayerNorm, BatchRenorm)):
                both = (layer.gain, layer.offset)
                both = layer.affine() if isinstance(layer, BatchRenorm) else both
                for of, ours in zip(("weight", "bias"), both, strict=True):
                    array = net.ops.numpy(ours)
                    self.tensors[f"{name}.{i}.{of}"] = array if order is None else array[order]
            elif isinstance(layer, Linear):
                W = net.ops.numpy(layer.W)
                self.tensors[f"{name}.{i}.weight"] = (W if order is None else W[order]).T
                order = None
            if isinstance(layer, (Conv2d, Linear)) and layer.b is not None:
                self.tensors[f"{name}.{i}.bias"] = net.ops.numpy(layer.b)
            self._add(layer, shape)
            i += 1
        self.order = order
        if convolutional:
            inner = f"({self.x})" if " " in self.x else self.x
            self.x = f"{inner}.permute(0, 3, 1, 2)"

    def _buffer(self, what: str, array: np.ndarray) -> str:
        """What it is called in `forward`."""
        name = what if self.name in ("layers", "") else f"{self.name}_{what}"
        self.tensors[name] = array
        self.buffers += f'        self.register_buffer("{name}", torch.empty({array.shape}))\n'
        return f"self.{name}"

    def _add(self, layer: Layer, shape: Shape) -> None:
        if isinstance(layer, Conv2d):
            self.lines.append(
                f"nn.Conv2d({shape[2]}, {layer.filters}, {layer.kernel}, stride={layer.stride}, "
                f"padding={layer.padding}{_bias(layer)}),"
            )
        elif isinstance(layer, Linear):
            self.lines.append(f"nn.Linear({shape[0]}, {layer.outputs}{_bias(layer)}),")
        elif isinstance(layer, BatchRenorm):
            self.lines.append(f"Affine({shape[-1]}),")
        elif isinstance(layer, LayerNorm):
            kind = "nn.LayerNorm" if len(shape) == 1 else "ChannelNorm"
            self.lines.append(f"{kind}({shape[-1]}, eps={layer.eps!r}),")
        elif isinstance(layer, MaxPool2d):
            self.lines.append(f"nn.MaxPool2d({layer.size}),")
        elif isinstance(layer, Flatten):
            self.lines.append("nn.Flatten(),")
        elif self.lines:
            self.lines[-1] += f" {ACTIVATIONS[type(layer)]},"
        else:
            self.lines.append(f"{ACTIVATIONS[type(layer)]},")

    @property
    def module(self) -> str:
        """The line, or lines, that make it."""
        if not self.name:
            return ""
        lines = "".join(f"            {line}\n" for line in self.lines)
        return f"        self.{self.name} = nn.Sequential(\n{lines}        )\n"


def _chains(net: Network) -> list[_Chain]:
    """In the order in which they are called; the last is the one behind all others.

    Where there are branches: first a chain without a name, the scale before them.
    """
    shapes = [net.input_shape, *net.output_shapes]
    layers = list(zip(net.layers, shapes[:-1], shapes[1:], strict=True))
    at = next((i for i, layer in enumerate(net.layers) if isinstance(layer, Branches)), None)
    if at is None:
        return [_Chain(net, "layers", layers)]
    branches: Any = net.layers[at]
    chains = [_Chain(net, "", layers[:at])]
    made = {layer.name: shape for layer, shape in branches.inside()}
    orders, start = [], 0
    for name, chain in branches.branches.items():
        ends = [shapes[at], *(made[layer.name] for layer in chain)]
        chains.append(_Chain(net, name, list(zip(chain, ends[:-1], ends[1:], strict=True))))
        order, width = chains[-1].order, ends[-1][0]
        orders.append(start + (np.arange(width) if order is None else order))
        start += width
    return [*chains, _Chain(net, "layers", layers[at + 1 :], np.concatenate(orders))]


def _bias(layer: Conv2d | Linear) -> str:
    return "" if layer.bias else ", bias=False"
