"""Runs trained by the command, and what is read of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from drl.cli.main import main
from drl.experiment import checkpoint

SHORT = ["--log-every", "64", "--checkpoint-every", "128", "--eval-every", "256", "--num-envs", "8",
         "--learning-starts", "64", "--eval-episodes", "2", "--epsilon-steps", "3000",
         "--lr-steps", "25000", "--priority-beta-steps", "50000"]  # fmt: skip


def train(run: Path, *args: str) -> None:
    """A short run of a DQN."""
    assert main(["train", "dqn", "--run", str(run), "--json", *SHORT, *args]) == 0


def latest(run: Path) -> dict[str, Any]:
    """Its newest checkpoint."""
    return checkpoint.load(sorted((run / "checkpoints").glob("step-*"))[-1])


def assert_same(a: Any, b: Any, path: str = "") -> None:
    """Equal to the last bit, all but the wall clock."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            if key != "seconds":
                assert_same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and np.array_equal(a, b), path
    else:
        assert a == b, path


def read(run: Path) -> Any:
    """Everything in its event files (an EventAccumulator)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(str(run), size_guidance=everything)
    events.Reload()
    return events


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Its curves, but for the wall clock."""
    events = read(run)
    tags = set(events.Tags()["scalars"]) - {"time/fps"}
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}


def rows(run: Path) -> list[dict[str, str]]:
    """Of progress.csv, but for times."""
    with (run / "progress.csv").open() as file:
        return [{k: v for k, v in row.items() if "time/" not in k} for row in csv.DictReader(file)]
