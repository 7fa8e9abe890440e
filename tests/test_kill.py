"""Killed at any moment, a run goes on as if nothing had been."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_train_dqn import assert_same, latest, scalars

from drl.cli.dqn_job import DQNJob
from drl.cli.main import main
from drl.runs import Run

SETTINGS = ["--solved-at", "None", "--steps", "1000000", "--seed", "3", "--num-envs", "4",
            "--learning-starts", "32", "--batch", "8", "--hidden", "8", "--capacity", "500",
            "--checkpoint-every", "32", "--log-every", "64", "--eval-every", "512",
            "--eval-episodes", "1"]  # fmt: skip


def killed_after(seconds: float, *command: str) -> None:
    """A command that writes a checkpoint every few milliseconds, and SIGKILL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(seconds)
    assert process.poll() is None, process.communicate()[1]
    process.kill()
    process.communicate()


def survives(kills: int, directory: Path) -> None:
    run, whole = directory / "run", directory / "whole"
    moments = random.Random(0)
    process = subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", "train", "dqn", "--run", str(run), *SETTINGS],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while not list(run.glob("checkpoints/step-*")):
        assert process.poll() is None
    process.kill()
    process.wait()
    for _ in range(kills - 1):
        killed_after(moments.uniform(0.0, 2.0), "resume", str(run))
    # the uninterrupted run, to where the last checkpoint was, must be the same to the last bit
    state = latest(run)
    steps = state["training"]["env_steps"]
    assert steps > 0
    with Run.open(run) as killed:
        settings = killed.config
    with Run.create(whole, settings) as unbroken:
        DQNJob(settings).go(unbroken, quiet=True, steps=steps + 32)
    assert main(["resume", str(run), "--steps", str(steps + 32), "--json"]) == 0
    assert_same(latest(whole), latest(run))
    assert scalars(whole) == scalars(run)
    assert not list(run.glob("checkpoints/.*")), "half a checkpoint was left behind"


def test_survives_kills(tmp_path: Path) -> None:
    survives(4, tmp_path)


@pytest.mark.slow
def test_survives_two_hundred_kills(tmp_path: Path) -> None:
    survives(200, tmp_path)
