"""What both jobs write to TensorBoard alike: settings, network, layout, distributions."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from drl.experiment.run import Run
from drl.log import Logger
from drl.log.tensorboard.writer import Layout
from drl.log.writers import open_loggers, writers_of
from drl.nn import Network

# what the HParams tab compares runs by: of both jobs, since it takes the names from the first
# run that it finds, and shows no others
METRICS = (
    "final/best_mean_reward", "final/env_steps", "eval/mean_reward", "time/fps",
    "test/accuracy", "test/cross_entropy", "final/mistakes",
)  # fmt: skip
TELLING = ("data", "env", "lr", "model", "seed")  # settings that the tab shows unasked: five
SNAPSHOTS = 25  # of what is too large to be written at every point


class JobLog:
    """One run's curves, from a `with` on.

    settings["log"]     full (histograms, images, hparams too), minimal (curves), none
    settings["log_to"]  who writes them (drl.log.writers)
    step, resumed       where a resumed run goes on: what an earlier process wrote after that step
                        is dropped, so that a curve is one line with nothing twice
    episodes            how many had ended there
    """

    def __init__(
        self, run: Run, settings: dict[str, Any], step: int, resumed: bool, episodes: int = 0
    ) -> None:
        self.settings, self.resumed, self.document = settings, resumed, run.document
        self.full = settings["log"] == "full"
        self.out = Logger()  # writes nothing
        if settings["log"] != "none":
            self.out = open_loggers(
                writers_of(settings), run.directory, settings, step if resumed else None, episodes
            )

    def begin(self, net: Network, layout: Layout) -> None:
        """Once in the life of a run; it reaches the disk before the first checkpoint does."""
        if self.resumed:
            return
        about = self.document
        self.out.text("command", about["command"], 0)
        self.out.text("config", json.dumps(self.settings, indent=2), 0)
        self.out.text("versions", json.dumps(about["versions"], indent=2), 0)
        self.out.text("network", net.describe(), 0)
        self.out.layout(layout)
        if self.full:
            self.out.hparams(self.settings, METRICS, TELLING)
        self.out.flush()

    def checksum(self, net: Network, step: int) -> None:
        """Of the parameters as they are."""
        if self.settings["log"] != "none":
            params = np.ascontiguousarray(net.ops.numpy(net.params))
            self.out.checksum(zlib.crc32(params.data), step)

    def distributions(self, net: Network, step: int) -> None:
        """Weights, and after the first update gradients, by layer."""
        for name, span in net.spans.items():
            self.out.histogram(f"weights/{name}", net.ops.numpy(net.params[span]), step)
            if step:
                self.out.histogram(f"gradients/{name}", net.ops.numpy(net.grads[span]), step)

    def final(self, results: Mapping[str, float], step: int) -> None:
        """What the run has come to, for the HParams tab: final/<name>.

        One step past the last: a resumed run drops them, as it drops all that is to come again.
        """
        self.out.scalars({f"final/{name}": value for name, value in results.items()}, step + 1)

    def flush(self) -> None:
        """Before a checkpoint: no curve may miss what the checkpoint has behind it."""
        self.out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.out.close()


def doubled(number: int) -> bool:
    """1, 2, 4, 8, …: most happens early."""
    return number > 0 and number & (number - 1) == 0


def due(number: int, total: int) -> bool:
    """Which of `total` occasions in a run are worth a histogram: about SNAPSHOTS, evenly spread,
    and those of the doubling row.  From the number alone, so that a resumed run does as the whole.
    """
    return doubled(number) or number % max(1, total // SNAPSHOTS) == 0
