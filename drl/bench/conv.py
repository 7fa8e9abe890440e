"""Convolutional nets: forward + backward, and a whole training step, beside torch autograd.

torch in both of its layouts: channels first, its default, and channels last, which is ours.
float32, one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from drl.bench.autograd import (
    classify_loss,
    classify_step,
    convolutional,
    there_and_back,
)
from drl.bench.floor import (
    Product,
    backward_operations,
    fastest_product,
    forward_operations,
)
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, one_thread, ratio
from drl.nn import MLP
from drl.nn.losses import SoftmaxCrossEntropy
from drl.nn.ops_compiled import load_loops
from drl.nn.optim import Adam

LR = 1e-3
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


class Net(NamedTuple):
    front: str
    shape: tuple[int, int, int]  # (H, W, C)
    hidden: int
    outputs: int
    batch: int
    wanted: float  # forward + backward: how many times autograd's speed in its better layout


NETS = [
    Net("digits", (28, 28, 1), 128, 10, 128, 1.3),
    Net("minatar", (10, 10, 6), 128, 6, 32, 1.7),
    Net("nature", (84, 84, 4), 512, 6, 32, 1.1),
]


def measure(repeats: int = 15, seconds: float = 0.1, nets: list[Net] = NETS) -> Result:
    """Medians in ms, and the ratios autograd in its better layout / ours."""
    product = fastest_product()
    rows: list[Row] = []
    bars = []
    with one_thread():
        for net in nets:
            for whole in (False, True):
                rows.append(_row(net, whole, product, repeats, seconds))
                if not whole:
                    what = f"{net.front}: autograd's better layout / ours"
                    bars.append(Bar(what, rows[-1]["better / ours"], net.wanted))
    about = (
        "ms.  Step: forward, softmax cross-entropy, backward, Adam (torch's fused).  NCHW, NHWC: "
        "torch autograd, channels first and last; the ratio is to the better of the two."
    )
    return Result("conv", about, rows, bars)


def _row(net: Net, whole: bool, product: Product, repeats: int, seconds: float) -> Row:
    ours, own = our_step(net, whole)
    contenders = {name: autograd_step(net, name, whole) for name in LAYOUTS}
    contenders |= {"ours": own, "product": product.call}
    times = interleaved(contenders, repeats, seconds)
    better = min(LAYOUTS, key=lambda name: median(times[name]))
    work = forward_operations(ours, net.batch) + backward_operations(ours, net.batch)
    floor = [product.floor(work, t) for t in times["product"]]
    ms = {name: median(values) * 1e3 for name, values in times.items()}
    return {
        "net, batch": f"{net.front}, {net.batch}",
        "what": "step" if whole else "forward + backward",
        "NCHW": ms["NCHW"],
        "NHWC": ms["NHWC"],
        "ours": ms["ours"],
        "auto picks": ours.ops.name,
        "floor": median(floor) * 1e3,
        "better / ours": ratio(times[better], times["ours"]),
        "ours / floor": ratio(times["ours"], floor),
    }


def batch_of(net: Net) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.random((net.batch, *net.shape), np.float32)
    return x, rng.integers(net.outputs, size=net.batch)


def our_step(net: Net, whole: bool) -> tuple[MLP, Callable[[], Any]]:
    x, labels = batch_of(net)
    mlp = MLP(net.shape, net.outputs, (net.hidden,), conv=net.front)
    load_loops(mlp.ops)  # as it is some seconds into a training
    loss, optimizer = SoftmaxCrossEntropy(mlp.ops), Adam(mlp, LR)
    x = mlp.ops.asarray(x)
    dy = mlp.ops.asarray(np.full((net.batch, net.outputs), 1e-2, np.float32))

    def step() -> None:
        y, backward = mlp.forward(x)
        backward(loss(y, labels)[1])
        optimizer.step()

    def forward_backward() -> None:
        mlp.forward(x)[1](dy)

    return mlp, step if whole else forward_backward


def autograd_step(net: Net, layout: str, whole: bool) -> Callable[[], Any]:
    images, labels = batch_of(net)
    torch_net: Any = convolutional(net.front, net.shape, (net.hidden,), net.outputs)
    torch_net = torch_net.to(memory_format=LAYOUTS[layout])
    x = torch.as_tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=LAYOUTS[layout])
    if whole:
        return classify_step(torch_net, x, torch.as_tensor(labels), LR, classify_loss(torch_net))
    return there_and_back(torch_net, x, torch.full((net.batch, net.outputs), 1e-2))
