"""What a digits run writes to TensorBoard."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.cli.job_log import JobLog
from drl.experiment.run import Run
from drl.log.tensorboard.writer import Layout
from drl.supervised import report as reports
from drl.supervised.training import Report, Training

# tags that no DQN run has: a chart shows every run of the directory that has its tags
LAYOUT: Layout = {
    "digits": {
        "accuracy": ["train/accuracy", "test/accuracy"],
        "loss": ["train/cross_entropy", "test/cross_entropy"],
        "learning rate": ["classifier/learning_rate"],
        "gradient norm": ["classifier/grad_norm"],
        "wall seconds": ["time/seconds"],
    }
}
SNAPSHOTS = 10  # of weights and gradients in a whole training


class DigitsLog(JobLog):
    """The step is the number of updates."""

    def __init__(
        self, run: Run, settings: dict[str, Any], training: Training, resumed: bool
    ) -> None:
        super().__init__(run, settings, training.update, resumed)
        self.training = training
        self.epochs_per_snapshot = max(1, training.preset.epochs // SNAPSHOTS)
        if not resumed:
            self.snapshot()
        self.begin(training.net, LAYOUT)

    def point(self, report: Report, seconds: float) -> None:
        """One point of the learning curves."""
        scalars = {
            "train/cross_entropy": report.loss,
            "train/accuracy": report.accuracy,
            "classifier/learning_rate": report.learning_rate,
            "classifier/grad_norm": report.grad_norm,
            "time/seconds": seconds,
        }
        if report.test_accuracy is not None and report.test_loss is not None:
            scalars |= {
                "test/accuracy": report.test_accuracy,
                "test/cross_entropy": report.test_loss,
            }
            if round(report.epochs) % self.epochs_per_snapshot == 0:
                self.snapshot()
        self.out.scalars(scalars, report.update)
        self.checksum(self.training.net, report.update)

    def snapshot(self) -> None:
        """Distributions of weights and gradients by layer; images of the first layer, and of what
        each hidden layer makes of the first test image."""
        if not self.full:
            return
        net, step = self.training.net, self.training.update
        self.distributions(net, step)
        image = reports.weights_picture(reports.first_layer(net))
        self.out.image("first_layer/filters", image, step)
        digit = self.training.data.x_test[0]
        for name, maps in reports.features(net, digit).items():
            self.out.image(f"feature_maps/{name}", reports.features_picture(digit, maps), step)

    def result(self, p: np.ndarray) -> None:
        """p (N, K): the probabilities of the test images."""
        data, step = self.training.data, self.training.update
        mistakes = int((p.argmax(axis=1) != data.y_test).sum())
        self.final({"mistakes": mistakes}, step)
        if not self.full:
            return
        matrix = reports.confusion_matrix(data.y_test, p.argmax(axis=1), data.classes)
        self.out.image("report/confusion_matrix", reports.confusion_picture(matrix), step)
        worst = reports.mistakes_picture(data.x_test, p, data.y_test)
        self.out.image("report/worst_mistakes", worst, step)
        for k in range(data.classes):
            self.out.pr_curve(f"digit_{k}", data.y_test == k, p[:, k], step)
