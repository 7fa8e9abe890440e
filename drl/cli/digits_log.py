"""What a digits run writes to TensorBoard.  The step is the number of updates."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from drl.digits import report as reports
from drl.digits.training import Report, Training
from drl.logger import Logger, NullLogger
from drl.runs import Run

LAYOUT = {
    "digits": {
        "accuracy": ["train/accuracy", "test/accuracy"],
        "loss": ["train/loss", "test/loss"],
        "learning rate": ["train/learning_rate"],
        "gradient norm": ["train/grad_norm"],
    }
}
METRICS = ("test/accuracy", "test/loss")  # what the HParams tab compares runs by
SNAPSHOTS = 10  # of weights and gradients in a whole training


class DigitsLog:
    """`log` in the settings: full (histograms, images, PR curves too), minimal (curves), none."""

    def __init__(
        self, run: Run, settings: dict[str, Any], training: Training, resumed: bool
    ) -> None:
        self.training, self.level = training, settings["log"]
        purge = training.update + 1 if resumed else None  # one line, nothing twice
        self.out: Logger | NullLogger = (
            NullLogger() if self.level == "none" else Logger(run.directory, purge_step=purge)
        )
        self.epochs_per_snapshot = max(1, training.recipe.epochs // SNAPSHOTS)
        if not resumed:
            text = json.dumps(settings, indent=2)
            self.out.text("config", f"```json\n{text}\n```", 0)
            self.out.text("network", f"```\n{training.net.describe()}\n```", 0)
            self.out.layout(LAYOUT)
            if self.level == "full":
                self.out.hparams(settings, METRICS)
            self.snapshot()
            self.out.flush()

    def point(self, report: Report, seconds: float) -> None:
        """One point of the learning curves."""
        scalars = {
            "train/loss": report.loss,
            "train/accuracy": report.accuracy,
            "train/learning_rate": report.learning_rate,
            "train/grad_norm": report.grad_norm,
            "time/seconds": seconds,
        }
        if report.test_accuracy is not None and report.test_loss is not None:
            scalars |= {"test/accuracy": report.test_accuracy, "test/loss": report.test_loss}
            if round(report.epochs) % self.epochs_per_snapshot == 0:
                self.snapshot()
        self.out.scalars(scalars, report.update)

    def snapshot(self) -> None:
        """Distributions of weights and gradients by layer, and the first layer as pictures."""
        if self.level != "full":
            return
        net, step = self.training.net, self.training.update
        for name, span in net.spans.items():
            self.out.histogram(f"weights/{name}", net.ops.numpy(net.params[span]), step)
            if step:
                self.out.histogram(f"gradients/{name}", net.ops.numpy(net.grads[span]), step)
        picture = reports.weights_picture(reports.first_layer(net))
        self.out.image("first_layer/filters", picture, step)

    def result(self, p: np.ndarray) -> None:
        """p (N, K): the probabilities of the test images."""
        if self.level != "full":
            return
        data, step = self.training.data, self.training.update
        matrix = reports.confusion_matrix(data.y_test, p.argmax(axis=1), data.classes)
        self.out.image("report/confusion_matrix", reports.confusion_picture(matrix), step)
        mistakes = reports.mistakes_picture(data.x_test, p, data.y_test)
        self.out.image("report/worst_mistakes", mistakes, step)
        for k in range(data.classes):
            self.out.pr_curve(f"digit_{k}", data.y_test == k, p[:, k], step)

    def flush(self) -> None:
        """Before a checkpoint: no curve may miss what the checkpoint has behind it."""
        self.out.flush()

    def close(self) -> None:
        self.out.close()
