"""Commands that could destroy what a run has come to: they refuse, and touch nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from one_line import refused
from trained import latest, train

from drl.cli.main import main
from drl.experiment.run import Run
from drl.files import write_atomic


def files(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "a"
    train(run, "--steps", "512", "--solved-at", "None", "--hidden", "8")
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "a")
    return tmp_path / "a"


def delete(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")


def empty(run: Path) -> None:
    delete(run)
    (run / "checkpoints").mkdir()


def keep_the_best(run: Path) -> None:
    for path in run.glob("checkpoints/step-*"):
        path.unlink()


def killed(run: Path) -> None:
    """In the middle, with curves and nothing else."""
    empty(run)
    (run / "summary.json").unlink()


def interrupted(run: Path) -> None:
    empty(run)
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"interrupted": True}))


@pytest.mark.parametrize("steps", [[], ["--steps", "9999"]], ids=["to its end", "further"])
@pytest.mark.parametrize("lose", [delete, empty, keep_the_best, killed, interrupted])
def test_a_run_whose_checkpoints_are_gone_is_not_begun_anew(
    lose: Callable[[Path], None], steps: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(run)
    before = files(run)
    assert "checkpoints are gone" in refused(capsys, "resume", str(run), *steps)
    assert files(run) == before


def test_nor_is_one_of_the_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "a"
    short = ["--model", "logistic", "--epochs", "1", "--json"]
    assert main(["train", "digits", "--run", str(run), *short]) == 0
    empty(run)
    before = files(run)
    assert "checkpoints are gone" in refused(capsys, "resume", str(run))
    assert files(run) == before


def test_nor_are_those_of_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "all", "--seeds", "2", "--steps", "256", "--solved-at", "None")
    empty(tmp_path / "all" / "seed-1")
    before = files(tmp_path / "all" / "seed-1")
    assert main(["resume", str(tmp_path / "all"), "--steps", "512"]) == 1
    assert "seed-1 failed" in capsys.readouterr().err
    assert files(tmp_path / "all" / "seed-1") == before
    assert latest(tmp_path / "all" / "seed-2")["task"]["env_steps"] == 512


def test_one_stopped_before_its_first_checkpoint_is(run: Path) -> None:
    """What was written at step 0 goes; then it is the run that it would have been."""
    whole = latest(run)
    again = run.with_name("b")
    with Run.create(again, json.loads((run / "config.json").read_text())["settings"]):
        pass
    assert main(["resume", str(again), "--json"]) == 0
    assert latest(again)["task"]["env_steps"] == whole["task"]["env_steps"]


@pytest.mark.parametrize("asked", ["1", "256", "500"])
def test_fewer_steps_than_an_interrupted_run_has_done(
    asked: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"interrupted": True, "steps": 9999}))
    before = files(run)
    assert "512 env steps already" in refused(capsys, "resume", str(run), "--steps", asked)
    assert files(run) == before


def test_an_interrupted_run_goes_on_to_the_steps_that_it_was_asked_for(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that is printed names no steps."""
    summary = json.loads((run / "summary.json").read_text())
    assert summary["steps"] == 512
    (run / "summary.json").write_text(json.dumps(summary | {"interrupted": True, "steps": 768}))
    assert main(["resume", str(run), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["env_steps"] == 768 and not done["interrupted"]


@pytest.mark.parametrize(
    "out",
    ["config.json", "summary.json", "checkpoints/best.safetensors", "checkpoints/../config.json"],
)
def test_export_writes_over_no_file_of_a_run(
    out: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(run)
    (run / "elsewhere").symlink_to(run / "checkpoints")
    for path in (run / out, run / "elsewhere" / Path("..") / out):
        args = ["--format", "npz", "--force", "--out", str(path)]
        assert "file of that run" in refused(capsys, "export", str(run), *args)
    (run / "elsewhere").unlink()
    assert files(run) == before


def test_no_output_replaces_a_pipe_or_a_directory(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("x.npz", "x.gif", "x.png"):
        os.mkfifo(run / name)
    for args in (
        ["export", str(run), "--format", "npz", "--force", "--out", str(run / "x.npz")],
        ["watch", str(run), "--out", str(run / "x.gif")],
        ["compare", str(run), "--out", str(run / "x.png")],
    ):
        assert "no file" in refused(capsys, *args)
        assert Path(args[-1]).is_fifo()
    with pytest.raises(FileExistsError):
        write_atomic(run / "x.npz", b"")


def test_a_directory_that_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    for out in ("mine", "mine/below"):
        assert "cannot write" in refused(capsys, "tour", "1", "--out", str(tmp_path / out))
    assert (tmp_path / "mine").read_text() == "mine"
