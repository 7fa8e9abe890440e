"""Killed at any moment, a run goes on as if nothing had been."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trained import assert_same, latest, scalars

from drl.api.resume import go_on
from drl.cli.main import main
from drl.display.console import Console
from drl.experiment.run import Run

SETTINGS = ["--solved-at", "None", "--steps", "1000000", "--seed", "3", "--num-envs", "4",
            "--learning-starts", "32", "--batch-size", "8", "--hidden", "8", "--buffer-size", "500",
            "--checkpoint-every", "32", "--log-every", "64", "--eval-every", "512",
            "--eval-episodes", "1"]  # fmt: skip


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "drl.cli.main", *args]


def killed(run: Path, moments: random.Random) -> None:
    """Resumed and killed: mostly while it writes a checkpoint every few milliseconds, at times
    while it is still starting."""
    before = newest(run)
    process = subprocess.Popen(
        command("resume", str(run)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if moments.random() < 0.9:
        while newest(run) == before and process.poll() is None:
            time.sleep(0.001)
    time.sleep(moments.uniform(0.0, 0.3))
    assert process.poll() is None, process.communicate()[1]
    process.kill()
    process.communicate()


def newest(run: Path) -> str:
    return max(path.name for path in run.glob("checkpoints/step-*"))


def survives(kills: int, directory: Path, *flags: str) -> None:
    run, whole = directory / "run", directory / "whole"
    moments = random.Random(0)
    process = subprocess.Popen(
        command("train", "dqn", "--run", str(run), *SETTINGS, *flags), stdout=subprocess.DEVNULL
    )
    while not list(run.glob("checkpoints/step-*")):
        assert process.poll() is None
    process.kill()
    process.wait()
    for _ in range(kills - 1):
        killed(run, moments)
    # the uninterrupted run, to where the last checkpoint was, must be the same to the last bit
    state = latest(run)
    steps = state["task"]["env_steps"]
    assert steps > kills * 16  # most of them were killed after new checkpoints
    with Run.open(run) as unfinished:
        settings = unfinished.config
    with Run.create(whole, settings) as unbroken:
        go_on(unbroken, Console(quiet=True), steps=steps + 32)
    assert main(["resume", str(run), "--steps", str(steps + 32), "--json"]) == 0
    assert_same(latest(whole), latest(run))
    assert scalars(whole) == scalars(run)
    assert not list(run.glob("checkpoints/.*")), "half a checkpoint was left behind"


def test_survives_kills(tmp_path: Path) -> None:
    survives(4, tmp_path)


def test_statistics_survive_too(tmp_path: Path) -> None:
    """Those gathered, those in the networks, and the returns under way."""
    survives(2, tmp_path, "--normalise-obs", "--normalise-reward")


@pytest.mark.slow
def test_survives_two_hundred_kills(tmp_path: Path) -> None:
    survives(200, tmp_path)
