"""A network as a torch `state_dict`, and the module that loads it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from drl.extras import require
from drl.nn import Network
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.layers import Flatten, Linear, ReLU, Scale, Sigmoid, Tanh

ACTIVATIONS = {ReLU: "nn.ReLU()", Tanh: "nn.Tanh()", Sigmoid: "nn.Sigmoid()"}


def encode(net: Network, about: dict[str, Any]) -> bytes:
    """torch.save of a dict of tensors in torch's layout: weights (O, I), kernels (O, C, k, k).

    torch flattens an image channel by channel, we pixel by pixel: the rows of the weights behind
    are put in its order.
    """
    require("export to torch", "torch")
    import torch

    tensors: dict[str, np.ndarray] = {}
    order: np.ndarray | None = None  # of the inputs of the next Linear
    shape, i = net.input_shape, 0
    for layer, after in zip(net.layers, net.output_shapes, strict=True):
        if isinstance(layer, Scale):
            tensors["scale"] = net.ops.numpy(layer.s)
            continue
        if isinstance(layer, Flatten) and _convolutional(net):
            order = np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1).reshape(-1)
        elif isinstance(layer, Conv2d):
            tensors[f"layers.{i}.weight"] = net.ops.numpy(layer.W).transpose(3, 2, 0, 1)
        elif isinstance(layer, Linear):
            W = net.ops.numpy(layer.W)
            tensors[f"layers.{i}.weight"] = (W if order is None else W[order]).T
            order = None
        if isinstance(layer, (Conv2d, Linear)) and layer.b is not None:
            tensors[f"layers.{i}.bias"] = net.ops.numpy(layer.b)
        shape, i = after, i + 1

    file = io.BytesIO()
    torch.save({k: torch.tensor(np.ascontiguousarray(v)) for k, v in tensors.items()}, file)
    return file.getvalue()


def reader(net: Network, path: Path) -> str:
    """The module that the state_dict fits."""
    x, buffer, lines = "x", "", [""]
    shape = net.input_shape
    for layer, after in zip(net.layers, net.output_shapes, strict=True):
        if isinstance(layer, Scale):
            x = "x * self.scale"
            factors = tuple(net.ops.numpy(layer.s).shape)
            buffer = f'        self.register_buffer("scale", torch.empty({factors}))\n'
        elif isinstance(layer, Conv2d):
            lines.append(
                f"nn.Conv2d({shape[2]}, {layer.filters}, {layer.kernel}, stride={layer.stride}, "
                f"padding={layer.padding}{_bias(layer)}),"
            )
        elif isinstance(layer, Linear):
            lines.append(f"nn.Linear({shape[0]}, {layer.outputs}{_bias(layer)}),")
        elif isinstance(layer, MaxPool2d):
            lines.append(f"nn.MaxPool2d({layer.size}),")
        elif isinstance(layer, Flatten):
            lines.append("nn.Flatten(),")
        else:
            lines[-1] += f" {ACTIVATIONS[type(layer)]},"
        shape = after
    if _convolutional(net):
        x = f"({x}).permute(0, 3, 1, 2)" if x != "x" else "x.permute(0, 3, 1, 2)"
    double = ".double()" if net.ops.numpy(net.params).dtype == np.float64 else ""
    layers = "\n".join(f"            {line}" for line in lines[1:])
    return f"""\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
{buffer}        self.layers = nn.Sequential(
{layers}
        )

    def forward(self, x):  # (B, {", ".join(map(str, net.input_shape))})
        return self.layers({x})

net = Net(){double}
net.load_state_dict(torch.load({json.dumps(str(path), ensure_ascii=False)}, weights_only=True))
"""


def _convolutional(net: Network) -> bool:
    return any(isinstance(layer, (Conv2d, MaxPool2d)) for layer in net.layers)


def _bias(layer: Conv2d | Linear) -> str:
    return "" if layer.bias else ", bias=False"
