"""Curves on Weights & Biases, and on whatever has its calls."""

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from drl.cli.main import main
from drl.errors import UserError
from drl.log.dashboard import Dashboard

TRAIN = ["train", "dqn", "--steps", "600", "--eval-every", "250", "--log-to", "csv"]


class Recorded(types.ModuleType):
    """A package with Trackio's calls, which keeps what it was told."""

    def __init__(self, fails: str = "") -> None:
        super().__init__("trackio")
        self.told: list[tuple[dict[str, Any], int]] = []
        self.began: dict[str, Any] = {}
        self.ended, self.fails = 0, fails

    def init(self, **given: Any) -> None:
        if self.fails == "init":
            raise RuntimeError("no account")
        self.began = given

    def log(self, values: dict[str, Any], step: int) -> None:
        if self.fails == "log":
            raise OSError("no network")
        self.told.append((values, step))

    def finish(self) -> None:
        self.ended += 1


def recorded(monkeypatch: pytest.MonkeyPatch, fails: str = "") -> Recorded:
    package = Recorded(fails)
    monkeypatch.setitem(sys.modules, "trackio", package)
    monkeypatch.setattr("drl.log.writers.require_packages", lambda names: None)
    return package


def test_a_run_tells_its_settings_and_every_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = recorded(monkeypatch)
    assert main([*TRAIN, "trackio", "--run", str(tmp_path / "run"), "--json"]) == 0
    assert package.began["name"] == "run" and package.began["config"]["env"] == "CartPole-v1"
    tags = {tag for values, _ in package.told for tag in values}
    assert {"eval/mean_reward", "rollout/ep_rew_mean", "train/loss"} <= tags
    rows = (tmp_path / "run" / "progress.csv").read_text().splitlines()[1:]
    assert {int(row.partition(",")[0]) for row in rows} <= {step for _, step in package.told}
    assert package.ended == 1


def test_what_will_not_begin_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recorded(monkeypatch, fails="init")
    with pytest.raises(UserError, match=r"trackio did not begin .*no account.*TRACKIO_MODE"):
        Dashboard("trackio", tmp_path, {})


def test_a_network_that_fails_costs_the_curves_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded(monkeypatch, fails="log")
    assert main([*TRAIN, "trackio", "--run", str(tmp_path / "run"), "--json"]) == 0
    error = capfd.readouterr().err
    assert error.count("trackio: OSError: no network") == 1


def test_weights_and_biases_offline(tmp_path: Path) -> None:
    """Its own code, without an account and a network: a run begun, resumed, and read back."""
    pytest.importorskip("wandb")
    run, offline = tmp_path / "run", os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    for words in (
        [*TRAIN, "wandb", "--run", str(run), "--solved-at", "None"],
        ["resume", str(run), "--steps", "900"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "drl", *words], capture_output=True, text=True, env=offline
        )
        assert done.returncode == 0, done.stderr
    kept = sorted((run / "wandb").glob("offline-run-*"))
    assert len(kept) == 2  # a file for each process, of one and the same run
    assert len({path.name.rpartition("-")[2] for path in kept}) == 1
    content = b"".join(file.read_bytes() for path in kept for file in path.glob("*.wandb"))
    for tag in (b"eval/mean_reward", b"rollout/ep_rew_mean", b"train/loss", b"weights/linear0"):
        assert tag in content, tag
