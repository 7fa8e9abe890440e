"""A network as an ONNX graph, opset 17."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drl.export.observation import ENCODED, input_words, is_encoded
from drl.export.states import state_size
from drl.extras import need
from drl.nn import Network
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Flatten, Layer, Linear, ReLU, Scale, Sigmoid, Tanh
from drl.nn.normalise import Normalise
from drl.nn.recurrent import GRU

OPSET, IR = 17, 8  # the IR version that came with this opset: old runtimes read it too
ACTIVATIONS = {ReLU: "Relu", Tanh: "Tanh", Sigmoid: "Sigmoid"}
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def encode(net: Network, about: dict[str, Any]) -> bytes:
    """x (batch, *input_shape) float32 → y (batch, outputs) float32.

    What `about` says are its metadata, lists and mappings as JSON; what x is, its documentation.

    With a state: x and h (batch, state_size) → y and h_next, to be given with the next x.

    ONNX convolves channels first, so that a transpose stands before and one behind.  float32
    whatever the run's precision: runtimes have no float64 convolution.
    """
    need("onnx", "onnx")
    from onnx import TensorProto, checker, helper

    graph = _Graph(net)
    for layer in net.layers:
        graph.add(layer, layer.name)
    inputs, outputs = {"x": net.input_shape}, {"y": net.output_shapes[-1]}
    if size := state_size(net):
        graph.end_with_states()
        inputs, outputs = inputs | {"h": (size,)}, outputs | {"h_next": (size,)}
    else:
        graph.nodes[-1].output[0] = "y"
    docs = {"x": input_words(about)}
    x, y = (
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, ["batch", *shape], doc_string=docs.get(name, "")
            )
            for name, shape in end.items()
        ]
        for end in (inputs, outputs)
    )
    body = helper.make_graph(graph.nodes, "drl", x, y, graph.arrays)
    model = helper.make_model(
        body,
        producer_name="drl-toolkit",
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    model.doc_string = input_words(about)
    helper.set_model_props(model, {key: _text(value) for key, value in about.items()})
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _text(value: Any) -> str:
    """A property's, which has to be one: lists and objects as JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def reader(net: Network, path: Path, about: Mapping[str, Any]) -> str:
    """The code that runs it."""
    session = f"net = onnxruntime.InferenceSession({json.dumps(str(path), ensure_ascii=False)})"
    size, begin, y, h = state_size(net), "", "(y,)", ""
    if size:
        rows = 1 if is_encoded(about) else "len(x)"
        begin = f"h = np.zeros(({rows}, {size}), np.float32)  # where an episode begins\n"
        y, h = "y, h", ', "h": h'
    if is_encoded(about):
        return f"""\
import json
import numpy as np
import onnxruntime

{ENCODED}
{session}
about = json.loads(net.get_modelmeta().custom_metadata_map["observation"])
{begin}{y} = net.run(None, {{"x": encoded(about, observation){h}}})
"""
    numpy = "import numpy as np\n" if size else ""
    return f"""\
{numpy}import onnxruntime

{session}
{begin}{y} = net.run(None, {{"x": x{h}}})  # x (B, {", ".join(map(str, net.input_shape))}) float32
"""


class _Graph:
    """Nodes, each taking the output of the one before."""

    def __init__(self, net: Network) -> None:
        self.net, self.newest = net, "x"
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.channels_first = False
        self.states: list[str] = []  # after the step, of each layer that has one
        self.columns = 0  # of h that layers have taken

    def add(self, layer: Layer, name: str) -> None:
        if isinstance(layer, (Conv2d, MaxPool2d)) and not self.channels_first:
            self._node("Transpose", perm=TO_CHANNELS_FIRST)
            self.channels_first = True

        if isinstance(layer, Branches):
            self._branches(layer, name)
        elif isinstance(layer, Slice):
            ends = [self._numbers(f"{name}.{n}", [at]) for n, at in
                    (("start", layer.start), ("stop", layer.stop), ("axis", 1))]  # fmt: skip
            self._node("Slice", *ends)
            self._node("Reshape", self._numbers(f"{name}.shape", [-1, *layer.shape]))
        elif isinstance(layer, Scale):
            self._node("Mul", self._array(f"{name}.s", layer.s))
        elif isinstance(layer, Normalise):
            self._node("Sub", self._array(f"{name}.mean", layer.mu))
            self._node("Mul", self._array(f"{name}.rate", layer.rate))
            self._node("Min", self._array(f"{name}.high", layer.high))
            self._node("Max", self._array(f"{name}.low", layer.low))
        elif isinstance(layer, Conv2d):
            W = self._array(f"{name}.W", layer.W, (3, 2, 0, 1))
            b = [] if layer.b is None else [self._array(f"{name}.b", layer.b)]
            self._node("Conv", W, *b, strides=[layer.stride] * 2, pads=[layer.padding] * 4)
        elif isinstance(layer, BatchRenorm):
            self._channels_last()
            w, b = layer.affine()
            self._node("Mul", self._array(f"{name}.W", w))
            self._node("Add", self._array(f"{name}.b", b))
        elif isinstance(layer, LayerNorm):
            self._channels_last()
            arrays = [self._array(f"{name}.{of}", getattr(layer, of)) for of in layer.shapes]
            self._node("LayerNormalization", *arrays, axis=-1, epsilon=layer.eps)
        elif isinstance(layer, MaxPool2d):
            self._node("MaxPool", kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
        elif isinstance(layer, Flatten):
            self._channels_last()
            self._node("Flatten", axis=1)
        elif isinstance(layer, Linear):
            W = self._array(f"{name}.W", layer.W)
            b = [] if layer.b is None else [self._array(f"{name}.b", layer.b)]
            self._node("Gemm", W, *b)
        elif isinstance(layer, GRU):
            self._gru(layer, name)
        else:
            self._node(ACTIVATIONS[type(layer)])

    def _channels_last(self) -> None:
        if self.channels_first:
            self._node("Transpose", perm=TO_CHANNELS_LAST)
            self.channels_first = False

    def _branches(self, layer: Branches, name: str) -> None:
        x, outputs = self.newest, []
        for chain in layer.branches.values():
            self.newest, self.channels_first = x, False
            for part in chain:
                self.add(part, f"{name}.{part.name}")
            outputs.append(self.newest)
        self.newest, self.channels_first = outputs[0], False
        self._node("Concat", *outputs[1:], axis=1)

    def _gru(self, layer: GRU, name: str) -> None:
        """ONNX's GRU on a sequence of one step; its gates stand in the order z, r, n."""
        H, front = layer.units, self._numbers(f"{name}.front", [0])
        ends = [self._numbers(f"{name}.{n}", [at]) for n, at in
                (("start", self.columns), ("stop", self.columns + H), ("axis", 1))]  # fmt: skip
        self.columns += H
        x = self._node("Unsqueeze", front)  # (1, B, I)
        self.newest = "h"
        self._node("Slice", *ends)
        before = self._node("Unsqueeze", front)  # (1, B, H)
        r, z, n = (slice(k * H, (k + 1) * H) for k in range(3))
        W, U, b, c = (self.net.ops.numpy(getattr(layer, of)) for of in "WUbc")
        biases = np.concatenate([b[z], b[r], b[n], np.zeros(2 * H, b.dtype), c])
        arrays = {
            "W": np.hstack([W[:, z], W[:, r], W[:, n]]).T[None],
            "U": np.hstack([U[:, z], U[:, r], U[:, n]]).T[None],
            "b": biases[None],
        }
        weights = [self._array(f"{name}.{of}", array) for of, array in arrays.items()]
        self.newest = x
        self._node("GRU", *weights, "", before, hidden_size=H, linear_before_reset=1, out=1)
        self.states.append(self._node("Squeeze", front))

    def end_with_states(self) -> None:
        """Name the outputs: y, and the states side by side."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [self.newest], ["y"]))
        self.nodes.append(helper.make_node("Concat", self.states, ["h_next"], axis=1))

    def _node(self, kind: str, *arrays: str, out: int = 0, **attributes: Any) -> str:
        """A node that takes the newest output.   out: which of its own is the newest now"""
        from onnx import helper

        x, y = self.newest, f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [x, *arrays], [""] * out + [y], **attributes))
        self.newest = y
        return y

    def _numbers(self, name: str, values: list[int]) -> str:
        from onnx import numpy_helper

        self.arrays.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def _array(self, name: str, array: Any, perm: tuple[int, ...] | None = None) -> str:
        from onnx import numpy_helper

        plain = self.net.ops.numpy(array).astype(np.float32)
        if perm is not None:
            plain = np.ascontiguousarray(plain.transpose(perm))
        self.arrays.append(numpy_helper.from_array(plain, name))
        return name
