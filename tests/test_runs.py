"""The run directory: made once, locked, never overwritten, and patient with a full disk."""

import errno
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from drl import files
from drl.errors import UserError
from drl.experiment import run as runs
from drl.experiment.lock import Lock
from drl.experiment.run import Run
from drl.files import write_atomic


def names(run: Run) -> list[str]:
    return sorted(p.name for p in (run.directory / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("program", "said"),
    [("/x/bin/drl", "drl"), ("/x/drl/cli/main.py", "drl"), ("/x/mine.py", "mine.py")],
)
def test_config_says_where_the_run_came_from(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program, "train", "dqn", "--run", "a b"])
    with Run.create(tmp_path / "a", {"job": "dqn", "seed": 4, "lr": 0.5}) as run:
        assert run.config == {"job": "dqn", "seed": 4, "lr": 0.5}
    document = json.loads((tmp_path / "a" / "config.json").read_text())
    assert document["seed"] == 4
    assert document["command"] == f"{said} train dqn --run 'a b'"
    assert {"python", "numpy", "drl-toolkit"} <= document["versions"].keys()


def test_the_last_two_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    with Run.create(tmp_path / "a", {}) as run:
        run.save_best({"n": -1})
        for step in (5, 50, 500):
            assert run.save_checkpoint({"n": step}, step)
        assert names(run) == [
            "best.safetensors", "step-000000000050.safetensors", "step-000000000500.safetensors",
        ]  # fmt: skip
        assert run.load_latest() == {"n": 500} and run.load_best() == {"n": -1}


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Run.create(tmp_path / "a", {}) as run:
        for step in (1, 2):
            run.save_checkpoint({"n": step}, step)
        newest = run.directory / "checkpoints" / names(run)[-1]
        newest.write_bytes(newest.read_bytes()[:-3] + b"}}}")
        newest.write_bytes(newest.read_bytes()[:20])
        assert run.load_latest() == {"n": 1}
        assert "damaged" in capsys.readouterr().err
        (run.directory / "checkpoints" / names(run)[0]).write_bytes(b"")
        with pytest.raises(UserError, match="2 damaged"):
            run.load_latest()


@pytest.mark.parametrize(("module", "call"), [(files, "open"), (os, "fsync")])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_said_once_and_tried_again(
    module: Any, call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def refuse(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    with Run.create(tmp_path / "a", {}) as run:
        run.save_checkpoint({"n": 1}, 1)
        monkeypatch.setattr(module, call, refuse, raising=False)
        assert not run.save_checkpoint({"n": 2}, 2)
        assert not run.save_best({"n": 2})
        assert capsys.readouterr().err.count(os.strerror(code)) == 1
        assert run.load_latest() == {"n": 1}
        monkeypatch.undo()
        assert run.save_checkpoint({"n": 3}, 3) and run.load_latest() == {"n": 3}


def test_files_larger_than_allowed_do_not_end_training(tmp_path: Path) -> None:
    """A real limit of the operating system: no file above 20 kB.  The run ends as asked, but not
    with code 0: its last checkpoint is missing."""
    run = tmp_path / "run"
    program = (
        "import resource, signal, sys; from drl.cli.main import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "train", "dqn", "--run", str(run), "--steps", "3000",
         "--solved-at", "None", "--checkpoint-every", "1000"],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr and "training goes on" in done.stderr
    assert "Traceback" not in done.stderr
    assert "the last checkpoint was not written" in done.stderr
    summary = json.loads((run / "summary.json").read_text())
    assert summary["env_steps"] == 3008 and summary["checkpoint_saved"] is False


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Run.create(tmp_path / "a", {"job": "dqn"}):
        done = subprocess.run(
            [sys.executable, "-m", "drl.cli.main", "resume", str(tmp_path / "a")],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 2 and "another process is writing" in done.stderr
        Run.open(tmp_path / "a").close()  # reading is always allowed
    Run.open(tmp_path / "a", write=True).close()


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    Run.create(tmp_path / "a", {}).close()
    half = tmp_path / "a" / "checkpoints" / ".step-000000000001.safetensors.4711"
    half.write_bytes(b"half")
    Run.open(tmp_path / "a", write=True).close()
    assert not half.exists()


def test_what_is_not_ours_is_not_cleared(tmp_path: Path) -> None:
    Run.create(tmp_path / "a", {}).close()
    (tmp_path / "a" / "mine").mkdir()
    others = [tmp_path / "a" / ".notes.2026.txt", tmp_path / "a" / "mine" / ".x.safetensors.1"]
    for path in others:
        path.write_text("mine")
    Run.open(tmp_path / "a", write=True).close()
    assert all(path.read_text() == "mine" for path in others)


def test_a_run_that_could_not_be_made_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        Run.create(tmp_path / "a", {"n": 1})
    monkeypatch.undo()
    with Run.create(tmp_path / "a", {"n": 1}) as run:
        assert run.config == {"n": 1}


def test_of_many_at_once_one_makes_the_run(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from drl.experiment.run import Run;"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()));"
        "Run.create(Path(sys.argv[1]), {'who': sys.argv[3]}).close(); print(sys.argv[3])"
    )
    start = str(time.time() + 1.0)
    many = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "a"), start, str(k)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for k in range(4)
    ]  # fmt: skip
    answers = [process.communicate() for process in many]
    (winner,) = [out.strip() for out, _ in answers if out]
    assert Run.open(tmp_path / "a").config == {"who": winner}
    assert sum("UserError" in errors for _, errors in answers) == 3


def test_made_by_another_between_the_look_and_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(directory: Path) -> Lock:
        monkeypatch.undo()
        Run.create(directory, {"who": "the other"}).close()
        return Lock(directory)

    monkeypatch.setattr(runs, "Lock", late)
    with pytest.raises(UserError, match="not empty"):
        Run.create(tmp_path / "a", {"who": "me"})
    assert Run.open(tmp_path / "a").config == {"who": "the other"}


def test_a_checkpoint_of_an_abandoned_future_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Run.create(tmp_path / "a", {}) as run:
        for step in (1, 9):
            run.save_checkpoint({"n": step}, step)
        (run.directory / "checkpoints" / names(run)[-1]).write_bytes(b"damaged")
        assert run.load_latest() == {"n": 1}
        for step in (2, 3):  # the resumed run
            run.save_checkpoint({"n": step}, step)
        assert [name[-13:-12] for name in names(run)] == ["2", "3"]
        capsys.readouterr()
        assert run.load_latest() == {"n": 3} and not capsys.readouterr().err


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    for place in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(UserError):
            Run.create(place, {})
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", '{"no": "settings"}'])
def test_damaged_config(content: str, tmp_path: Path) -> None:
    Run.create(tmp_path / "a", {"job": "dqn"}).close()
    (tmp_path / "a" / "config.json").write_text(content)
    with pytest.raises(UserError, match="damaged"):
        Run.open(tmp_path / "a")
    for _ in range(2):  # the lock is let go of
        with pytest.raises(UserError, match="damaged"):
            Run.open(tmp_path / "a", write=True)


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    from drl.cli.main import main

    for name, hidden in (("a", "8"), ("b", "9")):
        args = ["--run", str(tmp_path / name), "--hidden", hidden, "--steps", "600", "--json"]
        assert main(["train", "dqn", *args]) == 0
    source = sorted((tmp_path / "b" / "checkpoints").glob("step-*"))[-1]
    for path in (tmp_path / "a" / "checkpoints").glob("step-*"):
        write_atomic(path, source.read_bytes())
    assert main(["resume", str(tmp_path / "a"), "--steps", "900"]) == 2


def test_a_default_name_is_one_that_every_tool_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scp takes what stands before a colon for a host; TensorBoard a comma for two directories;
    a file is called by its last name."""
    from drl.experiment.run_files import claim_directory

    monkeypatch.chdir(tmp_path)
    path = claim_directory("dqn", "/a dir/my_env.py:Corridor,2*[x]\x1b-v0", 1)
    assert re.fullmatch(r"dqn-my_env\.py-Corridor-2-x--v0-1-\d{8}-\d{6}", path.name)
    assert path.is_dir()
