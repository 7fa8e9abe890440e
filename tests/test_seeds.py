"""--seeds: runs side by side, each the one that it would be alone; stopped, resumed, failing."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from trained import SHORT, assert_same, latest, scalars, train

from drl.api import resume
from drl.cli.main import main

LONG = ["--steps", "1000000", "--solved-at", "None"]
COMMAND = [sys.executable, "-m", "drl.cli.main", "train", "dqn"]


def finished(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def wait_for(path: Path, pattern: str, count: int, process: subprocess.Popen[Any]) -> None:
    while len(list(path.glob(pattern))) < count:
        assert process.poll() is None, "ended too soon"
        time.sleep(0.02)


@pytest.mark.parametrize(("env", "log"), [("CartPole-v1", "full"), ("Acrobot-v1", "minimal")])
def test_each_is_the_run_that_it_would_be_alone(
    env: str, log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--env", env, "--steps", "512", "--solved-at", "None", "--log", log]
    train(tmp_path / "all", *args, "--seed", "4", "--seeds", "3")
    result = finished(capsys)
    assert [run["seed"] for run in result["runs"]] == [4, 5, 6] == result["groups"][0]["seeds"]
    assert not result["failed"] and not result["interrupted"]
    for seed in ("4", "5", "6"):
        train(tmp_path / seed, *args, "--seed", seed)
        beside = tmp_path / "all" / f"seed-{seed}"
        assert_same(latest(tmp_path / seed), latest(beside))
        assert scalars(tmp_path / seed) == scalars(beside)


def test_digits_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--model", "logistic", "--epochs", "2", "--log", "none", "--json"]
    assert main(["train", "digits", "--seeds", "2", "--run", str(tmp_path / "all"), *short]) == 0
    assert [run["seed"] for run in finished(capsys)["runs"]] == [1, 2]
    assert main(["train", "digits", "--seed", "2", "--run", str(tmp_path / "two"), *short]) == 0
    assert_same(latest(tmp_path / "two"), latest(tmp_path / "all" / "seed-2"))


def test_interrupted_and_resumed_it_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three seeds, two at a time: Ctrl-C finds two running and one that has not begun."""
    runs, args = tmp_path / "runs", [*SHORT, "--steps", "4096", "--solved-at", "None"]
    program = (
        "import sys; from drl.api import sweep; sweep.cores = lambda: 2;"
        "from drl.cli.main import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "train", "dqn", "--seeds", "3", *args]
    process = subprocess.Popen([*command, "--run", str(runs)], stdout=subprocess.PIPE, text=True)
    wait_for(runs, "seed-[12]/checkpoints/step-000000000128.safetensors", 1, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and f"drl resume {runs}" in out
    assert all(list(runs.glob(f"seed-{n}/checkpoints/step-*")) for n in (1, 2))
    assert not list(runs.glob("seed-3/checkpoints/step-*"))

    assert main(["resume", str(runs), "--json"]) == 0
    assert [run["seed"] for run in finished(capsys)["runs"]] == [1, 2, 3]
    for seed in ("1", "2", "3"):
        train(tmp_path / seed, *args, "--seed", seed)
        assert_same(latest(tmp_path / seed), latest(runs / f"seed-{seed}"))
        assert scalars(tmp_path / seed) == scalars(runs / f"seed-{seed}")

    capsys.readouterr()
    assert main(["resume", str(runs)]) == 2
    assert "all 3 runs" in capsys.readouterr().err
    assert main(["resume", str(runs), "--steps", "4200", "--json"]) == 0
    assert all(run["env_steps"] >= 4200 for run in finished(capsys)["runs"])


def test_a_failing_seed_is_named_and_does_not_take_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One raises, one is killed: as the forked processes see it."""
    go_on = resume.go_on

    def sabotaged(run: Any, *args: Any, **more: Any) -> Any:
        if run.config["seed"] == 2:
            raise ZeroDivisionError("a bug")
        if run.config["seed"] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return go_on(run, *args, **more)

    monkeypatch.setattr(resume, "go_on", sabotaged)
    runs = tmp_path / "runs"
    args = ["--seeds", "4", "--steps", "256", "--json", *SHORT, "--run", str(runs)]
    assert main(["train", "dqn", *args]) == 1
    captured = capsys.readouterr()
    assert "seed-2 failed" in captured.err and "ZeroDivisionError: a bug" in captured.err
    assert "seed-3 failed" in captured.err and "-9" in captured.err
    result = json.loads(captured.out.splitlines()[-1])
    assert set(result["failed"]) == {"seed-2", "seed-3"}
    assert [run["seed"] for run in result["runs"]] == [1, 4]

    monkeypatch.undo()
    assert main(["resume", str(runs), "--json"]) == 0
    assert [run["seed"] for run in finished(capsys)["runs"]] == [1, 2, 3, 4]


def test_no_orphans(tmp_path: Path) -> None:
    """The parent is killed: its runs end by themselves, with a checkpoint."""
    runs = tmp_path / "runs"
    process = subprocess.Popen([*COMMAND, "--seeds", "2", *LONG, *SHORT, "--run", str(runs)])
    wait_for(runs, "seed-*/checkpoints/step-000000000*.safetensors", 2, process)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while not all((run / "summary.json").exists() for run in runs.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for summary in runs.glob("*/summary.json"):
        assert json.loads(summary.read_text())["interrupted"]


def test_a_terminal_shows_one_table(tmp_path: Path) -> None:
    parent, child = pty.openpty()
    args = ["--seeds", "2", "--steps", "1024", *SHORT, "--run", str(tmp_path / "runs")]
    process = subprocess.Popen(
        [*COMMAND, *args], stdout=child, stderr=child, env=os.environ | {"TERM": "xterm"}
    )
    os.close(child)
    seen = bytearray()

    def read() -> None:
        try:
            while part := os.read(parent, 4096):
                seen.extend(part)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(timeout=60) == 0
    reader.join(timeout=10)
    os.close(parent)
    text = re.sub(r"\x1b\[[\d;]*m", "", seen.decode())  # without colours
    assert "seed-1 ━" in text and "seed-2 ━" in text and "IQM" in text
    assert "\x1b[1A" in text  # rows are redrawn in place


@pytest.mark.parametrize(
    "args, words",
    [
        (["--seeds", "0"], "--seeds 0"),
        (["--seeds", "2", "--env", "CartPole-v9"], "CartPole-v9"),
        (["--seeds", "2", "--scale", "1", "2", "3"], "fit"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert main(["train", "dqn", "--run", str(runs), *args]) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.splitlines()) == 1 and not runs.exists()


def test_directories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["train", "dqn", "--seeds", "2", "--run", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    train(tmp_path / "runs", "--seeds", "2", "--steps", "256")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "runs")]) == 2
    assert f"holds 2 of them: name one, for example {tmp_path}" in capsys.readouterr().err


# -- runs that join those of another process ------------------------------------------------------
JOIN = [*SHORT, "--steps", "256", "--solved-at", "None", "--log", "minimal", "--json"]


def test_others_join_the_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ["--run", str(tmp_path / "runs")]
    assert main(["train", "dqn", *JOIN, *runs, "--seeds", "2"]) == 0
    assert [run["seed"] for run in finished(capsys)["runs"]] == [1, 2]
    assert main(["train", "dqn", *JOIN, *runs, "--seed", "7", "--seeds", "2"]) == 0
    result = finished(capsys)
    assert [run["seed"] for run in result["runs"]] == [1, 2, 7, 8] == result["groups"][0]["seeds"]
    train(tmp_path / "alone", "--steps", "256", "--solved-at", "None", "--seed", "7")
    assert_same(latest(tmp_path / "alone"), latest(tmp_path / "runs" / "seed-7"))


def test_who_cannot_join(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seeds that are there, and other settings, of any of the runs; nothing is left of a try."""
    runs = tmp_path / "runs"
    assert main(["train", "dqn", *JOIN, "--run", str(runs), "--seeds", "2"]) == 0
    assert main(["resume", str(runs / "seed-2"), "--steps", "300", "--gamma", "0.9"]) == 2
    before = sorted(path.name for path in runs.iterdir())

    def said(*args: str) -> str:
        capsys.readouterr()
        assert main(["train", "dqn", *JOIN, "--run", str(runs), *args]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert sorted(path.name for path in runs.iterdir()) == before
        return error

    error = said("--seed", "2", "--seeds", "2")
    assert "holds seed 2 already" in error and f"drl resume {runs}" in error
    error = said("--seed", "3", "--seeds", "2", "--lr", "0.5")
    assert "holds runs with --lr 0.001, these are to have --lr 0.5" in error
    error = said("--seed", "3", "--seeds", "2", "--env", "Acrobot-v1")
    assert "--env CartPole-v1, these are to have --env Acrobot-v1" in error
    assert main(["resume", str(runs / "seed-2"), "--steps", "300", "--lr", "1e-4"]) == 0
    assert "--lr 0.0001, these are" in said("--seed", "3", "--seeds", "2")


def test_runs_that_are_being_made_are_joined(tmp_path: Path) -> None:
    """What another process leaves in the moment between a directory and its config.json."""
    runs = tmp_path / "runs"
    (runs / "seed-9" / "checkpoints").mkdir(parents=True)
    (runs / "seed-9" / ".lock").touch()
    assert main(["train", "dqn", *JOIN, "--run", str(runs), "--seeds", "2"]) == 0
    (runs / "seed-9" / ".lock").unlink()
    assert main(["train", "dqn", *JOIN, "--run", str(runs), "--seed", "9", "--seeds", "2"]) == 0


@pytest.mark.parametrize("second", ["1", "2", "3"])
def test_two_at_the_same_moment(second: str, tmp_path: Path) -> None:
    """Of other seeds both train; where they share one, one of them trains all of its own, and the
    other says so and leaves nothing."""
    command = [*COMMAND, *JOIN, "--run", str(tmp_path / "runs"), "--seeds", "2"]
    both = [
        subprocess.Popen(
            [*command, "--seed", seed], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for seed in ("1", second)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    made = {path.name for path in (tmp_path / "runs").iterdir()}
    if second == "3":
        assert codes == [0, 0] and made == {"seed-1", "seed-2", "seed-3", "seed-4"}
        return
    assert sorted(codes) == [0, 2], errors
    first_seed = (1, int(second))[codes.index(0)]
    assert made == {f"seed-{first_seed}", f"seed-{first_seed + 1}"}
    assert len(errors[codes.index(2)].splitlines()) == 1


def test_a_damaged_run_of_others_costs_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert main(["train", "dqn", *JOIN, "--run", str(runs), "--seeds", "2"]) == 0
    (runs / "seed-1" / "summary.json").write_text("{")
    capsys.readouterr()
    assert main(["train", "dqn", *JOIN, "--run", str(runs), "--seed", "3", "--seeds", "2"]) == 0
    assert [run["seed"] for run in finished(capsys)["runs"]] == [2, 3, 4]
