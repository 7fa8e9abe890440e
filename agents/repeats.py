"""A warning that a run's episodes could not be gone on with."""

from __future__ import annotations

from agents.task import RLTask
from drl.experiment.callbacks import Callback, Experiment


class Repeats(Callback):
    """Warns at the start of a run whose environments cannot be saved: nothing they tell, and no
    episode played again, leads to where they are."""

    def __init__(self, task: RLTask) -> None:
        self.task = task

    def on_start(self, experiment: Experiment) -> None:
        """Where there is a run, and it begins."""
        envs = self.task.envs
        if experiment.run is None or experiment.resumed or envs.state() is not None:
            return
        experiment.warn(
            f"{envs.id} does not repeat itself: resumed, the run goes on in new episodes, not "
            "exactly"
        )
