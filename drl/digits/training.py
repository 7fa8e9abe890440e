"""Supervised training: minibatches over shuffled epochs.  Knows nothing of logs or files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from drl.digits.data import Dataset
from drl.digits.recipes import Recipe
from drl.errors import UserError
from drl.nn import MLP
from drl.nn.losses import SoftmaxCrossEntropy
from drl.nn.optim import AdamW
from drl.nn.schedules import Cosine

REPORT_EVERY = 50  # updates


@dataclass(frozen=True)
class Report:
    """Where training is.  Means over the minibatches since the last report, before their updates.

    update         minibatches learned from
    epoch          passes over the training images, begun ones counted in part
    loss           mean cross-entropy (nats)
    accuracy       share of training images (as augmented) recognised
    learning_rate  α of the last update
    grad_norm      ‖∂L/∂θ‖ of the last minibatch
    test_loss, test_accuracy  at the end of an epoch, else None
    """

    update: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    grad_norm: float
    test_loss: float | None = None
    test_accuracy: float | None = None


class Training:
    """θ ← θ − AdamW(∂/∂θ of L(θ) = −(1/B) Σ log softmax(net(x))[label]) on shuffled minibatches.

    Iterate to train: it yields a Report every REPORT_EVERY updates and at the end of every epoch.
    All randomness comes from `seed`: the same seed on the same machine gives the same bytes.

    ValueError where the network's settings do not fit the images; UserError when the loss is no
    longer a finite number.
    """

    def __init__(
        self, data: Dataset, recipe: Recipe, seed: int = 0,
        backend: str = "auto", dtype: str = "float32", device: str = "cpu",
    ) -> None:  # fmt: skip
        self.data, self.recipe = data, recipe
        weights, shuffle, warp = np.random.SeedSequence(seed).spawn(3)
        self.net = MLP(
            data.image_shape, data.classes, recipe.hidden, conv=recipe.conv or None,
            backend=backend, dtype=dtype, device=device, seed=np.random.default_rng(weights),
        )  # fmt: skip
        self.loss = SoftmaxCrossEntropy(self.net.ops)
        self.shuffle, self.warp = np.random.default_rng(shuffle), np.random.default_rng(warp)
        self.updates_per_epoch = math.ceil(len(data.x_train) / recipe.batch)
        self.updates = recipe.epochs * self.updates_per_epoch
        self.optimizer = AdamW(self.net, Cosine(recipe.lr, 0.0, self.updates), recipe.decay)
        self.order = np.zeros(0, np.int64)

    @property
    def update(self) -> int:
        """Updates made."""
        return self.optimizer.steps

    def __iter__(self) -> Iterator[Report]:
        loss, right, seen = 0.0, 0.0, 0  # since the last report
        while self.update < self.updates:
            position = self.update % self.updates_per_epoch
            if position == 0:
                self.order = self.shuffle.permutation(len(self.data.x_train))
            learning_rate = self.optimizer.lr
            batch = self.order[position * self.recipe.batch :][: self.recipe.batch]
            mean_loss, hits = self._learn(self.data.x_train[batch], self.data.y_train[batch])
            loss, right, seen = loss + mean_loss * len(batch), right + hits, seen + len(batch)
            if position + 1 == self.updates_per_epoch or (position + 1) % REPORT_EVERY == 0:
                yield self._report(float(loss) / seen, float(right) / seen, learning_rate)
                loss, right, seen = 0.0, 0.0, 0

    def _learn(self, x: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        """One update; the loss before it and how many were right."""
        ops = self.net.ops
        if self.recipe.warp:
            x = self.recipe.warp(x, self.warp)
        t = ops.indices(labels)
        logits, backward = self.net.forward(x)
        value, dlogits = self.loss(logits, t)
        backward(dlogits)  # ∂L/∂θ
        self.optimizer.step()
        return value, (ops.argmax(logits, 1) == t).sum()

    def _report(self, loss: float, accuracy: float, learning_rate: float) -> Report:
        test_loss = test_accuracy = None
        if self.update % self.updates_per_epoch == 0:
            p = probabilities(self.net, self.data.x_test)
            right = p[np.arange(len(p)), self.data.y_test]
            test_loss = float(-np.log(np.maximum(right, 1e-30)).mean())
            test_accuracy = float((p.argmax(1) == self.data.y_test).mean())
        return Report(
            self.update, self.update / self.updates_per_epoch, loss, accuracy, learning_rate,
            self.net.ops.norm(self.net.grads), test_loss, test_accuracy,
        )  # fmt: skip

def probabilities(net: MLP, images: np.ndarray, batch: int = 500) -> np.ndarray:
    out = []
    for start in range(0, len(images), batch):
        z = net.ops.numpy(net(images[start : start + batch]))
        e = np.exp(z - z.max(1, keepdims=True))
        out.append(e / e.sum(1, keepdims=True))
    return np.concatenate(out)
