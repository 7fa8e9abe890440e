"""A network as arrays and a JSON description: numpy alone runs it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drl.export.observation import ENCODED, is_encoded
from drl.export.states import state_size
from drl.nn import Network
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Layer, Scale
from drl.nn.normalise import Normalise

FORWARD = """\
import json
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as windows

def forward(file, x):  # np.load(…), (B, *input_shape) → (B, outputs): action values, or logits
    for layer in json.loads(str(file["description"]))["layers"]:
        W, b = (file.get(f"{layer['name']}.{array}", 0) for array in "Wb")
        size, stride, p = (layer.get(key, 0) for key in ("size", "stride", "padding"))
        match layer["kind"]:
            case "scale": x = x * W + b
            case "flatten": x = x.reshape(len(x), -1)
            case "linear": x = x @ W + b
            case "relu": x = np.maximum(x, 0)
            case "tanh": x = np.tanh(x)
            case "sigmoid": x = (1 + np.tanh(x / 2)) / 2
            case "maxpool2d": x = windows(x, (size, size), (1, 2))[:, ::size, ::size].max((4, 5))
            case "conv2d":
                x = windows(np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))), W.shape[:2], (1, 2))
                x = np.tensordot(x[:, ::stride, ::stride], W, ((4, 5, 3), (0, 1, 2))) + b
    return x
"""

BRANCHED = (  # the same for a network whose layers are not one chain
    FORWARD.replace("(file, x)", "(file, x, layers=None)")
    .replace("in json.loads", "in layers or json.loads")
    .replace(
        '            case "flatten"',
        """\
            case "slice": x = x[:, layer["start"] : layer["stop"]].reshape(-1, *layer["shape"])
            case "branches": x = np.hstack([forward(file, x, each) for each in layer["branches"]])
            case "flatten\"""",
    )
)

FLATTEN = '            case "flatten"'

LAYER_NORM = """\
            case "layernorm":
                x = x - x.mean(-1, keepdims=True)
                x = x / np.sqrt((x * x).mean(-1, keepdims=True) + layer["eps"])
                x = x * file[f"{layer['name']}.gain"] + file[f"{layer['name']}.offset"]
"""

NORMALISE = """\
            case "normalise": x = np.clip((x - b) * W, *file[f"{layer['name']}.range"])
"""

RECURRENT = (  # the same for a network with a state
    FORWARD.replace(
        "(file, x):  # np.load(…), (B, *input_shape) → (B, outputs): action values, or logits",
        """(file, x, h):  # (B, *input_shape), states before → (B, outputs), states after
    after = []""",
    )
    .replace(
        '            case "relu"',
        """\
            case "gru":
                U, c = (file[f"{layer['name']}.{array}"] for array in "Uc")
                old, h = h[:, : len(c)], h[:, len(c) :]  # this layer's, and the next ones'
                a, u = x @ W + b, old @ U
                r, z, _ = np.split((1 + np.tanh((a + u) / 2)) / 2, 3, axis=1)
                n = np.tanh(a[:, -len(c) :] + r * (u[:, -len(c) :] + c))
                x = n + z * (old - n)
                after.append(x)
            case "relu\"""",
    )
    .replace("    return x\n", "    return x, np.hstack(after)\n")
)


def encode(net: Network, about: dict[str, Any]) -> bytes:
    """An .npz without pickle.

    "<layer>.W", "<layer>.b" and whatever else a layer has, as in drl.nn.  A Scale's factor is its
    W; a BatchRenorm is a Scale with W and b, of its running statistics; W and b of a Normalise are
    1/σ and μ, and "<layer>.range" (2, …) is what it cuts to.  And "description": JSON with
    input_shape, outputs, what `about` says, the layers from input to output, and state_size where
    the network has a state; branches hold layers of their own.
    """
    arrays: dict[str, Any] = {}
    for stage, layer, _ in net.stages():
        for name in layer.shapes:
            arrays[f"{stage}.{name}"] = net.ops.numpy(getattr(layer, name))
        if isinstance(layer, Scale):
            arrays[f"{stage}.W"] = net.ops.numpy(layer.s)
        if isinstance(layer, BatchRenorm):
            w, b = map(net.ops.numpy, layer.affine())
            arrays |= {f"{stage}.W": w, f"{stage}.b": b}
        if isinstance(layer, Normalise):
            own = [net.ops.numpy(a) for a in (layer.rate, layer.mu, layer.low, layer.high)]
            arrays |= {f"{stage}.W": own[0], f"{stage}.b": own[1], f"{stage}.range": own[2:]}
    description = about | {
        "input_shape": list(net.input_shape),
        "outputs": net.output_shapes[-1][0],
        "layers": [_describe(layer) for layer in net.layers],
    }
    if size := state_size(net):
        description["state_size"] = size
    arrays["description"] = np.array(json.dumps(description))
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def reader(net: Network, path: Path, about: Mapping[str, Any]) -> str:
    """The code that runs it."""
    size, file = state_size(net), f"np.load({json.dumps(str(path), ensure_ascii=False)})"
    code = BRANCHED if any(isinstance(layer, Branches) for layer in net.layers) else FORWARD
    code = RECURRENT if size else code
    if any(isinstance(layer, Normalise) for _, layer, _ in net.stages()):
        code = code.replace(FLATTEN, NORMALISE + FLATTEN)
    if any(isinstance(layer, LayerNorm) for _, layer, _ in net.stages()):
        code = code.replace(FLATTEN, LAYER_NORM + FLATTEN)
    begin, y, h = "", "y", ""
    if size:
        rows = 1 if is_encoded(about) else "len(x)"
        begin = f"h = np.zeros(({rows}, {size}), np.float32)  # where an episode begins\n"
        y, h = "y, h", ", h"
    if is_encoded(about):
        return f"""\
{code}
{ENCODED}
{begin}with {file} as file:
    about = json.loads(str(file["description"]))["observation"]
    {y} = forward(file, encoded(about, observation){h})
"""
    return f"{code}\n{begin}{y} = forward({file}, x{h})\n"


def _describe(layer: Layer, within: str = "") -> dict[str, Any]:
    name = within + layer.name
    kind = Scale if isinstance(layer, BatchRenorm) else type(layer)  # by its running statistics
    spec: dict[str, Any] = {"kind": kind.__name__.lower(), "name": name}
    if isinstance(layer, Slice):
        spec |= {"start": layer.start, "stop": layer.stop, "shape": list(layer.shape)}
    if isinstance(layer, Branches):
        chains = layer.branches.values()
        spec["branches"] = [[_describe(each, f"{name}.") for each in chain] for chain in chains]
    if isinstance(layer, Conv2d):
        spec |= {"stride": layer.stride, "padding": layer.padding}
    if isinstance(layer, LayerNorm):
        spec |= {"eps": layer.eps}
    if isinstance(layer, MaxPool2d):
        spec |= {"size": layer.size}
    return spec
