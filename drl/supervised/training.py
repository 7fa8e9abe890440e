"""Supervised training: minibatches over shuffled epochs.  Knows nothing of logs or files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from drl.errors import Diverged, UserError
from drl.nn import MLP, Network, Scale
from drl.nn.finite import require_finite
from drl.nn.losses import SoftmaxCrossEntropy
from drl.nn.memory import require_memory
from drl.nn.ops import NotHere
from drl.nn.optim import AdamW
from drl.nn.schedules import Cosine
from drl.state import fill, whole
from drl.supervised.data import Dataset
from drl.supervised.presets import Preset
from drl.threads import one_thread

REPORT_EVERY = 50  # updates


@dataclass(frozen=True)
class Report:
    """Where training is; loss and accuracy are means since the last report, each taken before
    the update that learns from it.

    update         minibatches learned from
    epochs         passes over the training images, the one under way in part
    loss           cross-entropy (nats per image)
    accuracy       share of the (warped) training images recognised
    learning_rate  α of the last update
    grad_norm      ‖∂L/∂θ‖ of the last minibatch
    test_loss, test_accuracy  after a whole epoch, else None
    """

    update: int
    epochs: float
    loss: float
    accuracy: float
    learning_rate: float
    grad_norm: float
    test_loss: float | None = None
    test_accuracy: float | None = None


class Training:
    """θ ← θ − AdamW(∂L/∂θ),  L(θ) = −(1/B) Σ_b log softmax(net(x_b))[label_b].

    Iterate to train: a Report comes every REPORT_EVERY updates of an epoch and at its end; there,
    `state` may be taken, and another Training that loads it goes on to the same bytes.  All
    randomness comes from `seed`: weights, shuffling and warping each have their own stream.

    UserError where the preset's network does not fit the images; Diverged at the update whose loss,
    gradient or parameters are no finite numbers.
    """

    def __init__(
        self, data: Dataset, preset: Preset, seed: int = 0,
        backend: str = "auto", dtype: str = "float32", device: str = "cpu",
    ) -> None:  # fmt: skip
        self.data, self.preset = data, preset
        weights, shuffle, warp = np.random.SeedSequence(seed).spawn(3)
        self.net = build(data, preset, np.random.default_rng(weights), backend, dtype, device)
        if device == "cpu":
            require_memory(
                4 * self.net.size * self.net.ops.dtype.itemsize,
                f"training {self.net.size:,} parameters", "smaller `hidden` layers",
            )  # fmt: skip
        self.loss = SoftmaxCrossEntropy(self.net.ops)
        self.shuffle, self.warp = np.random.default_rng(shuffle), np.random.default_rng(warp)
        self.updates_per_epoch = math.ceil(len(data.x_train) / preset.batch_size)
        self.updates = preset.epochs * self.updates_per_epoch
        self.optimizer = AdamW(self.net, Cosine(preset.lr, 0.0, self.updates), preset.decay)
        self.order = np.arange(len(data.x_train))

    @property
    def update(self) -> int:
        """Updates made, of `updates`."""
        return self.optimizer.steps

    def __iter__(self) -> Iterator[Report]:
        with one_thread():
            yield from self._reports()

    def _reports(self) -> Iterator[Report]:
        loss, hits, images = 0.0, 0.0, 0  # since the last report
        while self.update < self.updates:
            position = self.update % self.updates_per_epoch
            if position == 0:
                self.order = self.shuffle.permutation(len(self.order))
            start = position * self.preset.batch_size
            batch = self.order[start : start + self.preset.batch_size]
            learning_rate = self.optimizer.lr
            mean_loss, right = self._learn(self.data.x_train[batch], self.data.y_train[batch])
            loss, hits, images = loss + mean_loss * len(batch), hits + right, images + len(batch)
            if (position + 1) % REPORT_EVERY == 0 or position + 1 == self.updates_per_epoch:
                yield self._report(float(loss) / images, float(hits) / images, learning_rate)
                loss, hits, images = 0.0, 0.0, 0

    def _learn(self, x: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        """One update.  Returns L before it, and how many images were recognised."""
        net, ops, update = self.net, self.net.ops, self.update + 1
        if self.preset.warp:
            x = self.preset.warp(x, self.warp)
        with np.errstate(over="ignore", invalid="ignore"):  # said by what is raised
            logits, backward = net.forward(x)
            value, dlogits = self.loss(logits, labels)
            backward(dlogits)  # ∂L/∂θ
            require_finite(ops.norm(net.grads), net, net.grads, "gradient", update)
            if not math.isfinite(value):
                raise Diverged("the loss", update)
            self.optimizer.step()
            require_finite(ops.norm(net.params), net, net.params, "parameters", update)
        return value, (ops.argmax(logits, 1) == ops.indices(labels)).sum()

    def _report(self, loss: float, accuracy: float, learning_rate: float) -> Report:
        grad_norm = self.net.ops.norm(self.net.grads)
        test_loss = test_accuracy = None
        if self.update % self.updates_per_epoch == 0:
            p = probabilities(self.net, self.data.x_test)
            test_loss = cross_entropy(p, self.data.y_test)
            test_accuracy = float((p.argmax(1) == self.data.y_test).mean())
        return Report(
            self.update, self.update / self.updates_per_epoch, loss, accuracy, learning_rate,
            grad_norm, test_loss, test_accuracy,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """All that the rest of the training depends on."""
        return {
            "net": self.net.ops.numpy(self.net.params).copy(),
            "optimizer": self.optimizer.state(),
            "order": self.order,
            "shuffle": self.shuffle.bit_generator.state,
            "warp": self.warp.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """UserError if the state is of another network or of other data; ValueError if a number in
        it is none of ours."""
        if len(state["net"]) != self.net.size or len(state["order"]) != len(self.order):
            raise UserError(
                f"the checkpoint has {len(state['net']):,} parameters for {len(state['order']):,} "
                f"training images, this run {self.net.size:,} for {len(self.order):,}: have the "
                "data or the settings changed since?"
            )
        self.net.load(state["net"])
        whole(state["optimizer"], "steps", high=self.updates)
        self.optimizer.load_state(state["optimizer"])
        if not np.array_equal(np.sort(state["order"]), np.arange(len(self.order))):
            raise ValueError("order should hold every training image once")
        fill(self.order, state["order"], "order")
        self.shuffle.bit_generator.state = state["shuffle"]
        self.warp.bit_generator.state = state["warp"]


def build(
    data: Dataset, preset: Preset, seed: int | np.random.Generator = 0,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu",
) -> MLP:  # fmt: skip
    """The preset's network for the data's images.  UserError if it does not fit them."""
    try:
        return MLP(
            data.image_shape, data.classes, preset.hidden, conv=preset.conv,
            backend=backend, dtype=dtype, device=device, seed=seed,
        )  # fmt: skip
    except NotHere as error:
        raise UserError(str(error)) from error
    except (ValueError, MemoryError) as error:
        raise UserError(f"{data.name} and these settings do not fit: {error}") from error


def of_bytes(net: Network, white: int) -> Network:
    """The same function of the files' own bytes, 0 … white: net(x/white)."""
    layers = [Scale(1 / white), *(layer.unbound() for layer in net.layers)]
    made = Network(layers, net.input_shape, net.ops)
    made.copy_from(net)
    return made


def probabilities(net: MLP, images: np.ndarray, batch: int = 500) -> np.ndarray:
    """p[n, k] = softmax(net(x_n))[k]: (N, H, W, 1) → (N, K), on the host."""
    chunks = []
    for start in range(0, len(images), batch):
        z = net.ops.numpy(net(images[start : start + batch]))
        e = np.exp(z - z.max(axis=1, keepdims=True))
        chunks.append(e / e.sum(axis=1, keepdims=True))
    return np.concatenate(chunks)


def cross_entropy(p: np.ndarray, labels: np.ndarray) -> float:
    """−(1/N) Σ log p[n, label_n] (nats); probabilities (N, K) below 1e-30 count as that."""
    return float(-np.log(np.maximum(p[np.arange(len(p)), labels], 1e-30)).mean())
