"""A classifier that an Experiment can drive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from drl.experiment.callbacks import Callback
from drl.experiment.task import AtOnce, Evaluated, Metrics, Progress, Update
from drl.log.layout import Layout
from drl.state import number
from drl.supervised.data import Dataset
from drl.supervised.presets import Preset
from drl.supervised.report import accuracy
from drl.supervised.training import Report, Training, cross_entropy, probabilities

# tags that no agent's run has: a chart shows every run of the directory that has its tags
CHARTS: Layout = {
    "digits": {
        "accuracy": ["train/accuracy", "test/accuracy"],
        "loss": ["train/cross_entropy", "test/cross_entropy"],
        "learning rate": ["classifier/learning_rate"],
        "gradient norm": ["classifier/grad_norm"],
        "wall seconds": ["time/seconds"],
    }
}
SNAPSHOTS = 10  # of weights and gradients in a whole training


class SupervisedTask:
    """Minibatches over shuffled epochs; after each epoch a look at the test images.

    The last parameters are the result.  There is no best of several: only the test images could
    choose it, and then they would no longer test it.

    model     its name, for people
    seed      of everything random
    pictures  makes the callback that draws, where everything is logged
    """

    job, unit, charts = "digits", "updates", CHARTS
    episodes = 0

    def __init__(
        self, data: Dataset, preset: Preset, model: str, seed: int, backend: str = "auto",
        dtype: str = "float32", device: str = "cpu",
        pictures: Callable[[SupervisedTask], Callback] | None = None,
    ) -> None:  # fmt: skip
        self.data, self.preset, self.model_name, self.seed = data, preset, model, seed
        self.pictures = pictures
        self.training = Training(data, preset, seed, backend, dtype, device)
        self.net = self.training.net
        self.title = f"{model} on {data.name}"
        self.remedy = f"train anew with `lr` below {preset.lr:g}"
        self.train_loss = self.train_accuracy = 0.0  # at the last report
        self.test_accuracy: float | None = None  # at the last evaluation of this process
        self.newest: Report | None = None  # of this process
        self._of_test: tuple[int, np.ndarray] | None = None  # updates, probabilities after them

    @property
    def reporter(self) -> SupervisedTask:
        """It tells of itself."""
        return self

    @property
    def step(self) -> int:
        """Updates made."""
        return self.training.update

    @property
    def goal(self) -> int:
        """Updates of the whole training."""
        return self.training.updates

    def about(self) -> list[str]:
        return []

    def begin(self) -> Iterator[str]:
        yield from ()

    def run(self, until: int) -> Iterator[Progress]:
        """To the end of the preset's epochs; a checkpoint may be taken at each end of an epoch."""
        for report in self.training:
            self.newest = report
            self.train_loss, self.train_accuracy = report.loss, report.accuracy
            yield Progress(report.update, Update(report.update, dict), (), self._epoch_ended())

    def _epoch_ended(self) -> bool:
        return self.step % self.training.updates_per_epoch == 0

    def metrics(self, progress: Progress, seconds: float, full: bool, since: int) -> Metrics:
        report = self.newest
        assert report is not None
        return {
            "train/cross_entropy": report.loss,
            "train/accuracy": report.accuracy,
            "classifier/learning_rate": report.learning_rate,
            "classifier/grad_norm": report.grad_norm,
            "time/seconds": seconds,
        }

    # -- evaluation ---------------------------------------------------------------------------
    def evaluation_due(self) -> bool:
        """At the end of an epoch that this process has trained."""
        return self.newest is not None and self.newest.test_accuracy is not None

    def evaluate(self, at_once: AtOnce = nullcontext, full: bool = False) -> Evaluated:
        """The test images, as the report at the end of the epoch has them."""
        report = self.newest
        assert report is not None and report.test_accuracy is not None
        assert report.test_loss is not None
        self.test_accuracy = report.test_accuracy
        every = max(1, self.preset.epochs // SNAPSHOTS)
        metrics = {"test/accuracy": report.test_accuracy, "test/cross_entropy": report.test_loss}
        snapshot = round(report.epochs) % every == 0
        return Evaluated(metrics, report.test_accuracy, snapshot=snapshot)

    def probabilities(self) -> np.ndarray:
        """Of the test images, by the parameters as they are: (N, K)."""
        if self._of_test is None or self._of_test[0] != self.step:
            self._of_test = self.step, probabilities(self.net, self.data.x_test)
        return self._of_test[1]

    def scores(self) -> dict[str, Any]:
        """The parameters as they are, on the test images."""
        p, labels = self.probabilities(), self.data.y_test
        return {
            "test_accuracy": accuracy(p, labels),
            "test_loss": cross_entropy(p, labels),
            "test_images": len(labels),
            "test_mistakes": int((p.argmax(axis=1) != labels).sum()),
        }

    def finished(self, until: int) -> bool:
        """All updates are made."""
        return self.step >= until

    def reopen(self) -> None:
        """Its goal is the end of the last epoch: nothing comes after."""

    # -- what is told -------------------------------------------------------------------------
    def observers(self, full: bool) -> Sequence[Callback]:
        return [self.pictures(self)] if full and self.pictures is not None else []

    def final(self) -> Mapping[str, float]:
        return {"mistakes": self.scores()["test_mistakes"]}

    def status(self) -> str:
        test = "" if self.test_accuracy is None else f"  test {self.test_accuracy:.2%}"
        epochs = self.step / self.training.updates_per_epoch
        return (
            f"epoch {epochs:.1f}  loss {self.train_loss:.4f}  train {self.train_accuracy:.2%}{test}"
        )

    def where(self) -> str:
        return f"epoch {self.step / self.training.updates_per_epoch:.2f}"

    def summary(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "model": self.model_name,
            "data": self.data.name,
            "seed": self.seed,
            "epochs": self.step / self.training.updates_per_epoch,
            "updates": self.step,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            "parameters": self.net.size,
            "backend": self.net.ops.name,
            **self.scores(),
        }

    def table(self, summary: Mapping[str, Any]) -> dict[str, str]:
        return score_table(summary) | {
            "wall seconds": f"{summary['seconds']:.2f}",
            "epochs": f"{self.preset.epochs} of {len(self.data.y_train):,} images",
            "updates": f"{summary['updates']:,}",
            "parameters": f"{summary['parameters']:,}",
        }

    # -- state --------------------------------------------------------------------------------
    def model(self) -> dict[str, Any]:
        """θ; what the network is built from is in the run's settings."""
        return {"net": np.array(self.net.ops.numpy(self.net.params)), "updates": self.step}

    def state(self) -> dict[str, Any]:
        return {
            "training": self.training.state(),
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.training.load_state(state["training"])
        for name in ("train_loss", "train_accuracy"):
            setattr(self, name, number(state, name, low=0))

    def close(self) -> None:
        """Nothing is held."""


def score_table(scores: Mapping[str, Any]) -> dict[str, str]:
    """What `SupervisedTask.scores` gave, for people."""
    return {
        "test accuracy": f"{scores['test_accuracy']:.2%}",
        "test mistakes": f"{scores['test_mistakes']} of {scores['test_images']:,} images",
        "test loss": f"{scores['test_loss']:.4f} nats",
    }
