"""Arrays of one's own in a file: they have a name, by which a run of arrays is scored too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_line import refused

import drl
from drl.cli.main import main

SHORT = ["--model", "logistic", "--epochs", "2", "--log", "none"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = arrays()
    np.savez("points.npz", x=x, y=y)


def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    x = rng.normal(size=(300, 4, 4)).astype(np.float32)
    x[np.arange(300), y, y] += 6
    return x, y


def result(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_file_is_data_with_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    trained = result(capsys, "train", "digits", "--data", "points.npz", *SHORT, "--run", "named")
    assert trained["data"] == "points" and trained["test_images"] == 60
    settings = json.loads(Path("named", "config.json").read_text())["settings"]
    assert settings["data"] == str(Path("points.npz").resolve())
    scored = result(capsys, "evaluate", "named")
    assert scored["test_mistakes"] == trained["test_mistakes"]
    ours = drl.train("digits", arrays(), model="logistic", epochs=2, progress=False)
    assert ours.summary["test_loss"] == trained["test_loss"]
    assert drl.train("digits", "points.npz", model="logistic", epochs=2, progress=False).summary[
        "test_loss"
    ] == trained["test_loss"]  # fmt: skip


def test_a_run_of_arrays_is_given_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    trained = drl.train(
        "digits", arrays(), model="logistic", epochs=2, run="own", progress=False,
        checkpoint_every=0.0,
    ).summary  # fmt: skip
    said = refused(capsys, "evaluate", "own")
    assert "give them again as --data, a .npz file with x and y" in said
    data = "--data", "points.npz"
    assert result(capsys, "evaluate", "own", *data)["test_loss"] == trained["test_loss"]
    assert result(capsys, "verify", "own", *data)["same"]
    result(capsys, "export", "own", "--out", "net.npz", *data)
    assert Path("net.npz").stat().st_size > 500
    assert "is finished" in refused(capsys, "resume", "own", *data)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: None, "bad.npz holds no data (FileNotFoundError"),
        (lambda: Path("bad.npz").write_text("no"), "bad.npz holds no data (ValueError"),
        (lambda: Path("bad.npz").write_bytes(b"PK\x03\x04"), "bad.npz holds no data (BadZipFile"),
        (lambda: np.savez("bad.npz", x=np.zeros(3)), "bad.npz holds no data (KeyError"),
        (lambda: np.savez("bad.npz", x=np.zeros(3), y=np.zeros(3, int)), "are not images and lab"),
        (
            lambda: np.savez("bad.npz", x=np.array([None]), y=np.zeros(1, int)),
            "bad.npz holds no data (ValueError",
        ),
    ],
)
def test_what_is_no_such_file_is_one_line(
    write: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    assert said in refused(capsys, "train", "digits", "--data", "bad.npz", *SHORT, "--run", "a")


def test_an_agent_has_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "dqn", "--env", "drl/Catch-v0", "--steps", "40", "--log", "none"]
    assert main([*words, "--learning-starts", "8", "--eval-episodes", "1", "--run", "agent"]) == 0
    assert "learns from no data" in refused(capsys, "evaluate", "agent", "--data", "points.npz")
