"""The images of a classifier's run: what it has learnt to look for, and what it takes for what."""

from __future__ import annotations

from typing import Any

from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Evaluated
from drl.supervised import report as reports
from drl.supervised.task import SupervisedTask


class Pictures(Callback):
    """The first layer and what each hidden layer makes of the first test image, some ten times in a
    run; at its end the confusion matrix, the worst mistakes, and precision over recall by class."""

    def __init__(self, task: SupervisedTask) -> None:
        self.task = task

    def on_start(self, experiment: Experiment) -> None:
        """Before anything is learnt."""
        if not experiment.resumed:
            self._layers(experiment)

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> None:
        """Where weights are worth a histogram."""
        if evaluated.snapshot:
            self._layers(experiment)

    def _layers(self, experiment: Experiment) -> None:
        net, out, step = self.task.net, experiment.log, experiment.step
        image = reports.weights_picture(reports.first_layer(net))
        out.image("first_layer/filters", image, step)
        digit = self.task.data.x_test[0]
        for name, maps in reports.features(net, digit).items():
            out.image(f"feature_maps/{name}", reports.features_picture(digit, maps), step)

    def on_end(self, experiment: Experiment, summary: dict[str, Any]) -> None:
        """What was learnt is safe by now."""
        data, out, step = self.task.data, experiment.log, experiment.step
        p = self.task.probabilities()
        matrix = reports.confusion_matrix(data.y_test, p.argmax(axis=1), data.classes)
        out.image("report/confusion_matrix", reports.confusion_picture(matrix), step)
        worst = reports.mistakes_picture(data.x_test, p, data.y_test)
        out.image("report/worst_mistakes", worst, step)
        for k in range(data.classes):
            out.pr_curve(f"digit_{k}", data.y_test == k, p[:, k], step)
