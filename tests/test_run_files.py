"""Runs are made where there is room for them: names claimed, locks that are not there, refusals."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import drl
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment import lock, run_files
from drl.experiment.run import Run
from drl.experiment.run_files import claim_directory, is_part_of_a_run


def at_one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files.time, "strftime", lambda form: "20260101-000000")


def test_a_default_name_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    at_one_second(monkeypatch)
    found = [str(claim_directory("dqn", "ALE/Pong-v5", 3)) for _ in range(3)]
    name = "runs/dqn-ALE-Pong-v5-3-20260101-000000"
    assert found == [name, f"{name}-2", f"{name}-3"]
    assert all(Path(path).is_dir() for path in found)


@pytest.mark.parametrize("in_the_way", ["a file", "a link to nowhere"])
def test_no_place_for_default_names(
    in_the_way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if in_the_way == "a file":
        Path("runs").touch()
    else:
        Path("runs").symlink_to("nowhere")
    with pytest.raises(UserError, match="give `run` a place"):
        claim_directory("dqn", "CartPole-v1", 1)


@pytest.mark.parametrize("more", [[], ["--seeds", "2"]], ids=["one", "seeds"])
def test_six_started_in_the_same_second_all_train(more: list[str], tmp_path: Path) -> None:
    program = (
        "import sys; from drl.experiment import run_files;"
        "run_files.time.strftime = lambda form: 'now';"
        "from drl.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    args = ["train", "dqn", "--steps", "64", "--log", "none", "--solved-at", "None", *more]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    many = [
        subprocess.Popen(
            [sys.executable, "-c", program, *args], cwd=tmp_path, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    for process in many:
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said
    assert len(list((tmp_path / "runs").iterdir())) == 6
    assert len(list((tmp_path / "runs").rglob("summary.json"))) == 6 * (2 if more else 1)


def refusing(number: int) -> Any:
    def flock(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Runs are made and gone on with; it is said once; no .lock stays behind."""
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    lock._say_unlocked.cache_clear()
    for name in ("a", "b"):
        with Run.create(tmp_path / name, {"n": 1}) as run:
            assert run.save_checkpoint({"n": 1}, 1)
        with Run.open(tmp_path / name, write=True) as run:
            assert run.load_latest() == {"n": 1}
        assert not (tmp_path / name / ".lock").exists()
    said = capsys.readouterr().err
    assert said.count("knows no locks") == 1 and len(said.splitlines()) == 1


def test_a_lock_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(UserError, match="cannot make a run"):
        Run.create(tmp_path / "a", {"n": 1})
    assert not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="cannot make a run"):
        Run.create(tmp_path / "b", {"n": 1})
    assert not list((tmp_path / "b").iterdir())  # the user's directory stays
    monkeypatch.undo()
    Run.create(tmp_path / "b", {"n": 1}).close()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt(), TypeError()])
def test_a_run_that_could_not_be_made_leaves_nothing(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr("drl.experiment.run.write_atomic", fail)
    with pytest.raises((UserError, type(error))):
        Run.create(tmp_path / "a", {"n": 1})
    assert not (tmp_path / "a").exists()


def test_what_a_process_killed_in_making_a_run_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a" / "checkpoints").mkdir(parents=True)
    (tmp_path / "a" / ".lock").touch()
    (tmp_path / "a" / ".config.json.4711").write_text("{")
    with Run.create(tmp_path / "a", {"n": 1}) as run:
        assert run.config == {"n": 1}


def test_seeds_of_which_one_cannot_be_made_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create = Run.create

    def full(directory: Path, settings: dict[str, Any]) -> Run:
        if directory.name == "seed-3":
            raise UserError("the disk is full")
        return create(directory, settings)

    monkeypatch.setattr(Run, "create", full)
    assert main(["train", "dqn", "--seeds", "3", "--run", str(tmp_path / "runs")]) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("config.json", True), ("summary.json", True), (".lock", True), ("events.1.2", True),
        ("checkpoints/best.safetensors", True), ("checkpoints/../config.json", True),
        ("policy.npz", False), ("episode.gif", False), ("checkpoints/policy.npz", False),
    ],
)  # fmt: skip
def test_files_of_a_run_are_known(name: str, part: bool, tmp_path: Path) -> None:
    Run.create(tmp_path / "a", {}).close()
    assert is_part_of_a_run(tmp_path / "a" / name) == part
    assert not is_part_of_a_run(tmp_path / name)


@pytest.mark.parametrize("more", [[], ["--seeds", "2"], ["--resume-or-start"]])
def test_a_directory_that_is_taken_is_refused_before_anything_is_said(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No plan of a training that will not be; an environment is not even made for it."""
    (tmp_path / "precious").write_text("x")
    assert main(["train", "dqn", "--run", str(tmp_path), "--env", "Acrobot-v1", *more]) == 2
    out, err = capsys.readouterr()
    assert not out and "exists and is not empty" in err and err.count("\n") == 1
    with pytest.raises(UserError, match="exists and is not empty"):
        drl.train("dqn", "NoSuchThing-v0", run=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_an_aggregate_that_is_there_is_refused_before_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, board = tmp_path / "run", tmp_path / "board"
    drl.train("digits", model="logistic", epochs=1, run=run, progress=False)
    assert main(["compare", str(run), "--tensorboard", str(board)]) == 0
    capsys.readouterr()
    assert main(["compare", str(run), "--tensorboard", str(board)]) == 2
    out, err = capsys.readouterr()
    assert not out and "exists: remove it" in err
