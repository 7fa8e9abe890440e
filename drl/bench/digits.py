"""An epoch of 60,000 images: ours beside torch autograd and scikit-learn.

The same net, batch and number of Adam steps; float32, one thread.  The images are made up: as many
as MNIST's, with its blank border and a quarter of the rest inked.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from drl.bench.autograd import classify_epoch, classify_loss, compiled, dense
from drl.bench.floor import backward_operations, fastest_product, forward_operations
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, one_thread, ratio
from drl.nn.ops_compiled import load_loops
from drl.supervised.data import Dataset
from drl.supervised.presets import Preset
from drl.supervised.training import Training

NETS = [((128,), 1.8), ((512, 512), 1.25)]  # hidden, how many times autograd's speed is asked for
BESIDE_SCIKIT = 2.5
PEERS = ("autograd", "compiled", "scikit-learn")
INPUTS, CLASSES, BATCH, LR = 28 * 28, 10, 128, 1e-3
EPOCHS = 10**6  # more than anybody measures


def measure(repeats: int = 3, images: int = 60_000, compiling: bool = True) -> Result:
    """Medians in seconds, and the ratios peer / ours."""
    product = fastest_product()
    data = made_up(images)
    rows: list[Row] = []
    bars = []
    for hidden, wanted in NETS:
        training = our_training(data, hidden)
        contenders = {
            "autograd": autograd_epoch(data, hidden, compiling=False),
            "compiled": autograd_epoch(data, hidden, compiling=True) if compiling else None,
            "scikit-learn": scikit_epoch(data, hidden),
            "ours": our_epoch(training),
            "product": lambda: [product.call() for _ in range(10)],
        }
        with one_thread():
            here = {name: call for name, call in contenders.items() if call is not None}
            times = interleaved(here, repeats, seconds=1e-3)
        net = training.net
        work = forward_operations(net, images) + backward_operations(net, images)
        floor = [product.floor(work, t / 10) for t in times["product"]]
        name = "-".join(map(str, (INPUTS, *hidden, CLASSES)))
        s = {c: median(times[c]) if c in times else None for c in (*PEERS, "ours")}
        beside = {c: ratio(times[c], times["ours"]) if c in times else None for c in PEERS}
        rows.append({
            "net": name, **s, "floor": median(floor),
            **{f"{peer} / ours": value for peer, value in beside.items()},
            "ours / floor": ratio(times["ours"], floor),
        })  # fmt: skip
        asked = {"autograd": wanted, "scikit-learn": BESIDE_SCIKIT}
        bars += [
            Bar(f"{name}: {peer} / ours", faster, asked[peer])
            for peer, faster in beside.items()
            if faster is not None and peer in asked
        ]
    notes = [
        f"{peer}: not here ({how})"
        for peer, how in (
            ("compiled", "torch.compile needs a C++ compiler"),
            ("scikit-learn", "make bench installs it"),
        )
        if rows[0][peer] is None
    ]
    about = (
        f"Seconds for an epoch of {images:,} images in batches of {BATCH}, Adam.  autograd: torch "
        "with fused Adam; compiled: its loss through torch.compile; scikit-learn: MLPClassifier; "
        "ours: drl.supervised.Training, which also counts hits."
    )
    return Result("digits", about, rows, bars, notes)


def made_up(images: int) -> Dataset:
    rng = np.random.default_rng(0)
    x = np.zeros((images, 28, 28, 1), np.float32)
    middle = rng.random((images, 20, 20, 1), np.float32)
    x[:, 4:24, 4:24] = np.maximum(middle - 0.75, 0) * 4
    labels = rng.integers(CLASSES, size=images)
    return Dataset("made up", x, labels, x[:1], labels[:1])  # peers score nothing after an epoch


def our_training(data: Dataset, hidden: tuple[int, ...]) -> Training:
    training = Training(data, Preset(epochs=EPOCHS, batch_size=BATCH, lr=LR, hidden=hidden))
    load_loops(training.net.ops)  # as it is some seconds into a training
    return training


def our_epoch(training: Training) -> Callable[[], None]:
    reports = iter(training)

    def epoch() -> None:
        while next(reports).test_loss is None:  # the report at an epoch's end has one
            pass

    return epoch


def autograd_epoch(
    data: Dataset, hidden: tuple[int, ...], compiling: bool
) -> Callable[[], Any] | None:
    """None where it shall be compiled and cannot be."""
    x = torch.as_tensor(data.x_train.reshape(len(data.x_train), -1))
    labels = torch.as_tensor(data.y_train)
    net = dense((x.shape[1], *hidden, CLASSES))
    loss = classify_loss(net)
    if compiling:
        fast = compiled(loss, x[:BATCH], labels[:BATCH])
        if fast is None:
            return None
        loss = fast
    return classify_epoch(net, x, labels, BATCH, LR, loss)


def scikit_epoch(data: Dataset, hidden: tuple[int, ...]) -> Callable[[], Any] | None:
    """None where scikit-learn is not installed."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ModuleNotFoundError:
        return None
    x, classes = data.x_train.reshape(len(data.x_train), -1), np.arange(CLASSES)
    net = MLPClassifier(hidden, batch_size=BATCH, learning_rate_init=LR, alpha=0.0)

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that one epoch is not the end of it
            net.partial_fit(x, data.y_train, classes=classes)

    return epoch
