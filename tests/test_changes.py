"""`drl resume RUN --lr 1e-4`: settings that change in a run that goes on, and those that cannot."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from trained import train

import drl
from agents import DQNConfig, ExperimentConfig
from agents.dqn.setting_up import FIXED as FIXED_OF_DQN
from drl.api.changes import FIXED
from drl.cli.main import main

RUN = ["--steps", "256", "--solved-at", "None", "--log", "minimal"]


def document(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "config.json").read_text())
    return found


def settings(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = document(run)["settings"]
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("changes") / "run"
    train(run, *RUN)
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def test_they_hold_from_there_on_and_config_json_tells(run: Path) -> None:
    before = settings(run)
    assert main(["resume", str(run), "--lr", "1e-4", "--eval-every", "64", "--steps", "512"]) == 0
    assert settings(run) == before | {"lr": 1e-4, "eval_every": 64}
    assert document(run)["changes"] == [
        {
            "step": 256,
            "from": {"eval_every": 256, "lr": before["lr"]},
            "to": {"eval_every": 64, "lr": 1e-4},
        }
    ]
    result = drl.load_run(run).resume(steps=600, progress=False)  # with no change: none is noted
    assert result.agent.optimizer.schedule(0) == 1e-4 and len(document(run)["changes"]) == 1
    assert result.task.evaluations.next % 64 == 0


def test_twice_and_from_python(run: Path) -> None:
    loaded = drl.load_run(run)
    first = settings(run)["lr"]
    loaded.resume(steps=300, lr=1e-4, progress=False)
    loaded.resume(steps=400, lr=1e-5, log="none", progress=False)
    changes = document(run)["changes"]
    assert [change["to"] for change in changes] == [{"lr": 1e-4}, {"log": "none", "lr": 1e-5}]
    assert [change["from"]["lr"] for change in changes] == [first, 1e-4]
    assert loaded.evaluate(2).mean > 0


def test_the_same_value_is_no_change(run: Path) -> None:
    loaded = drl.load_run(run)
    loaded.resume(steps=300, lr=settings(run)["lr"], progress=False)
    assert "changes" not in document(run)


def test_it_learns_by_the_new_settings(run: Path, tmp_path: Path) -> None:
    """Not by the old ones: the bytes are others than those of a run that went on as it was."""
    import shutil

    shutil.copytree(run, tmp_path / "other")
    kept = drl.load_run(run).resume(steps=400, progress=False)
    changed = drl.load_run(tmp_path / "other").resume(steps=400, lr=0.1, progress=False)
    assert (kept.net.params != changed.net.params).any()


def test_what_cannot_change_says_why_and_nothing_happens(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "config.json").read_bytes()
    for args, words in (
        (["--gamma", "0.9"], "--gamma cannot change in a run that goes on: the memory in"),
        (["--hidden", "32"], "--hidden cannot change in a run that goes on: the network in"),
        (["--seed", "2"], "everything random follows from it"),
        (["--num-envs", "2"], "the episodes under way"),
        (["--dtype", "float64"], "the network in the checkpoint"),
        (["--epsilon-fraction", "0.5"], "change --epsilon-steps"),
        (["--lr", "-1"], "--lr -1.0 is not possible"),
        (["--lr", "fast"], "--lr 'fast' is not possible: give a number"),
        (["--lrr", "1"], "resume has no --lrr (did you mean --lr?)"),
        (["--log-to", "wandb"], "wandb"),
    ):
        assert main(["resume", str(run), *args, "--steps", "512"]) == 2, args
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
        assert (run / "config.json").read_bytes() == before
    for name in (*FIXED, *FIXED_OF_DQN):
        with pytest.raises(drl.UserError, match=f"`{name}` cannot change"):
            drl.load_run(run).resume(steps=512, progress=False, **{name: None})  # type: ignore
    with pytest.raises(drl.UserError, match="did you mean tau"):
        drl.load_run(run).resume(steps=512, progress=False, taau=0.1)


def test_every_setting_that_is_fixed_is_one() -> None:
    names = {f.name for config in (DQNConfig, ExperimentConfig) for f in fields(config)}
    assert {*FIXED_OF_DQN} <= names and {*FIXED} <= names


def test_a_finished_run_is_not_changed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "config.json").read_bytes()
    assert main(["resume", str(run), "--lr", "1e-4"]) == 2
    assert "is finished (all steps done" in capsys.readouterr().err
    assert (run / "config.json").read_bytes() == before


def test_digits_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    stop = drl.Every(1, lambda experiment: False)
    drl.train("digits", run=run, epochs=2, model="logistic", progress=False, callbacks=[stop])
    assert main(["resume", str(run), "--lr", "0.5"]) == 2
    assert "--lr" in capsys.readouterr().err
    with pytest.raises(drl.UserError, match="lr cannot change in a run of digits"):
        drl.load_run(run).resume(lr=0.5, progress=False)


def test_of_all_seeds_or_of_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    train(runs, *RUN, "--seeds", "2")
    capsys.readouterr()
    assert main(["resume", str(runs), "--gamma", "0.9", "--steps", "512"]) == 2
    assert "--gamma cannot change" in capsys.readouterr().err
    assert main(["resume", str(runs), "--lr", "1e-4", "--steps", "300", "--json"]) == 0
    for seed in (1, 2):
        assert settings(runs / f"seed-{seed}")["lr"] == 1e-4
        assert len(document(runs / f"seed-{seed}")["changes"]) == 1
    assert main(["compare", str(runs), "--json"]) == 0


def test_before_the_first_checkpoint(tmp_path: Path) -> None:
    """A run that was killed there begins with the new settings, and is verified by them."""
    run = tmp_path / "run"
    train(run, *RUN)
    for path in [*(run / "checkpoints").iterdir(), run / "summary.json", *run.glob("events.*"),
                 run / "progress.csv"]:  # fmt: skip
        path.unlink()
    loaded = drl.load_run(run)
    loaded.resume(lr=1e-2, progress=False)
    assert document(run)["changes"][0]["step"] == 0 and loaded.verify().same


def test_a_config_that_cannot_be_written_stops_it_before_it_trains(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("drl.experiment.run.write_atomic", full)
    with pytest.raises(drl.UserError, match="No space left"):
        drl.load_run(run).resume(steps=512, lr=1e-4, progress=False)
