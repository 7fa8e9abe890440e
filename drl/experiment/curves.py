"""What every run tells its loggers: settings, network, curves, distributions."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from drl.experiment.run import Run
from drl.experiment.task import Evaluated, Metrics, Task
from drl.log import Logger
from drl.log.writers import open_loggers, writers_of
from drl.nn import Network

# what the HParams tab compares runs by: of all jobs, since it takes the names from the first run
# that it finds, and shows no others
METRICS = (
    "final/best_mean_reward", "final/env_steps", "eval/mean_reward", "time/fps",
    "test/accuracy", "test/cross_entropy", "final/mistakes",
)  # fmt: skip
TELLING = ("env", "job", "lr", "model", "seed")  # settings that the tab shows unasked: five
SNAPSHOTS = 25  # of what is too large to be written at every point


class Curves:
    """One run's curves.  Without a run nothing is written, and nothing computed.

    settings["log"]     full (histograms, images, hparams too), minimal (curves), none
    settings["log_to"]  who writes them (drl.log.writers)
    """

    def __init__(self, run: Run | None, settings: Mapping[str, Any], task: Task) -> None:
        self.run, self.settings, self.task = run, settings, task
        self.on = run is not None and settings["log"] != "none"
        self.full = self.on and settings["log"] == "full"
        self.resumed = False
        self.out = Logger()  # writes nothing

    def open(self, resumed: bool) -> None:
        """The loggers.   resumed: what an earlier process wrote after the task's step comes again,
        and is dropped: a curve is one line."""
        self.resumed = resumed
        if self.run is not None and self.on:
            self.out = open_loggers(
                writers_of(self.settings), self.run.directory, self.settings,
                self.task.step if resumed else None, self.task.reporter.episodes,
            )  # fmt: skip

    def begin(self) -> None:
        """Once in the life of a run; it reaches the disk before the first checkpoint does."""
        if self.resumed or self.run is None or not self.on:
            return
        self.out.text("command", self.run.document["command"], 0)
        self.out.text("config", json.dumps(self.settings, indent=2), 0)
        self.out.text("versions", json.dumps(self.run.document["versions"], indent=2), 0)
        self.out.text("network", self.task.net.describe(), 0)
        self.out.layout(self.task.charts)
        if self.full:
            self.out.hparams(self.settings, METRICS, TELLING)
            self._distributions(0)
        self.out.flush()

    def point(self, metrics: Metrics, step: int) -> None:
        """One point of the learning curves: numbers, and arrays as distributions."""
        numbers = {tag: float(v) for tag, v in metrics.items() if not isinstance(v, np.ndarray)}
        self.out.scalars(numbers, step)
        for tag, values in metrics.items():
            if isinstance(values, np.ndarray):
                self.out.histogram(tag, values, step)
        self.out.checksum(checksum(self.task.net), step)

    def evaluated(self, evaluated: Evaluated, step: int) -> None:
        """An evaluation, and where it is due what the weights and gradients are like."""
        self.out.scalars(evaluated.metrics, step)
        if self.full and evaluated.snapshot:
            self._distributions(step)

    def _distributions(self, step: int) -> None:
        """Weights, and after the first update gradients, by layer."""
        net = self.task.net
        for name, span in net.spans.items():
            self.out.histogram(f"weights/{name}", net.ops.numpy(net.params[span]), step)
            if step:
                self.out.histogram(f"gradients/{name}", net.ops.numpy(net.grads[span]), step)

    def final(self, results: Mapping[str, float], step: int) -> None:
        """What the run has come to, for the HParams tab: final/<name>.

        One step past the last: a resumed run drops them, as it drops all that is to come again.
        """
        if results:
            self.out.scalars({f"final/{name}": value for name, value in results.items()}, step + 1)


def checksum(net: Network) -> int:
    """CRC-32 of the bytes of its parameters and its buffers."""
    crc = zlib.crc32(np.ascontiguousarray(net.ops.numpy(net.params)).data)
    for buffer in net.buffers.values():
        crc = zlib.crc32(buffer.data, crc)
    return crc


def doubled(number: int) -> bool:
    """1, 2, 4, 8, …: most happens early."""
    return number > 0 and number & (number - 1) == 0


def due(number: int, total: int) -> bool:
    """Which of `total` occasions in a run are worth a histogram: about SNAPSHOTS, evenly spread,
    and those of the doubling row.  From the number alone, so that a resumed run does as the whole.
    """
    return doubled(number) or number % max(1, total // SNAPSHOTS) == 0
