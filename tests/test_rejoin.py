"""`--resume-or-start`: what a requeued job calls, again and again, until its run is finished."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_world import Walk
from trained import SHORT, assert_same, latest, scalars, train

import drl
from drl.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore:runs the file")  # which this one has imported
ARGS = ["--steps", "256", "--solved-at", "None", "--resume-or-start"]
QUICK: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 32, "eval_every": 100, "eval_episodes": 2,
    "checkpoint_every": 60, "log_every": 20, "log": "minimal", "progress": False, "steps": 200,
}  # fmt: skip


def everything(run: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_it_starts_and_what_is_finished_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    train(run, *ARGS)
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    before = everything(run)
    assert main(["train", "dqn", "--run", str(run), *SHORT, *ARGS]) == 0
    assert f"{run} is finished" in capsys.readouterr().out and everything(run) == before
    train(run, *ARGS)
    assert json.loads(capsys.readouterr().out) == first


def test_killed_and_queued_again_until_it_is_finished(tmp_path: Path) -> None:
    """The result is that of a run that nobody has touched."""
    args = [*SHORT, "--steps", "800", "--solved-at", "None", "--json", "--log", "minimal"]
    command = [sys.executable, "-m", "drl", "train", "dqn", "--run", str(tmp_path / "run"), *args]
    kills = 0
    for wait in ("config.json", "checkpoints/step-*[1-9].*"):
        process = subprocess.Popen([*command, "--resume-or-start"], stdout=subprocess.DEVNULL)
        while process.poll() is None and not list((tmp_path / "run").glob(wait)):
            time.sleep(0.01)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills == 2
    assert subprocess.run([*command, "--resume-or-start"], check=False).returncode == 0
    alone = [sys.executable, "-m", "drl", "train", "dqn", "--run", str(tmp_path / "alone"), *args]
    assert subprocess.run(alone, check=False).returncode == 0  # this process may have torch's state
    assert_same(latest(tmp_path / "alone"), latest(tmp_path / "run"))
    assert scalars(tmp_path / "alone") == scalars(tmp_path / "run")


def test_what_a_kill_left_before_the_first_checkpoint(tmp_path: Path) -> None:
    for left in ("nothing", ".lock", ".config.json.123"):
        run = tmp_path / left.strip(".")
        run.mkdir()
        if left != "nothing":
            (run / left).touch()
        train(run, *ARGS)
        assert drl.load_run(run).finished


def test_two_at_once_never_mix(tmp_path: Path) -> None:
    """One trains; the other says that it does, and ends with 2."""
    args = [
        *SHORT,
        "--steps",
        "20000",
        "--solved-at",
        "None",
        "--log",
        "minimal",
        "--resume-or-start",
    ]
    command = [sys.executable, "-m", "drl", "train", "dqn", "--run", str(tmp_path / "run"), *args]
    both = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]  # fmt: skip
    while all(process.poll() is None for process in both):
        time.sleep(0.02)
    second, first = sorted(both, key=lambda process: process.poll() is None)
    error = second.communicate()[1]
    assert second.returncode == 2 and len(error.splitlines()) == 1
    assert "another process is writing" in error or "exists and is not empty" in error
    while not list((tmp_path / "run" / "checkpoints").glob("step-*[1-9]*.*")):
        time.sleep(0.02)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert first.returncode == 130
    assert drl.load_run(tmp_path / "run").verify("start").same


def test_a_run_of_other_settings_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To train something else than what is asked for, in silence, would cost days."""
    run = tmp_path / "run"
    train(run, *ARGS)
    before = everything(run)
    for args, words in (
        (["--lr", "0.5"], "is a run with --lr 0.001, asked for is --lr 0.5"),
        (["--env", "Acrobot-v1"], "is a run with --env CartPole-v1, asked for is --env Acrobot-v1"),
        (["--seed", "2"], "--seed 1, asked for is --seed 2"),
        (["--steps", "512"], "--steps 256, asked for is --steps 512"),
    ):
        assert main(["train", "dqn", "--run", str(run), *SHORT, *ARGS, *args]) == 2
        error = capsys.readouterr().err
        assert words in error and f"drl resume {run}" in error, error
        assert len(error.splitlines()) == 1
    digits = ["train", "digits", "--run", str(run), "--resume-or-start"]
    assert main(digits) == 2 and "job=dqn" in capsys.readouterr().err
    assert everything(run) == before


def test_a_run_that_was_changed_takes_both_its_settings(tmp_path: Path) -> None:
    """Those of the job's script, and those that it has by now."""
    run = tmp_path / "run"
    train(run, *ARGS)
    drl.load_run(run).resume(steps=300, lr=1e-4, progress=False)
    train(run, *ARGS)
    train(run, *ARGS, "--lr", "1e-4")
    assert main(["train", "dqn", "--run", str(run), *SHORT, *ARGS, "--lr", "1e-5"]) == 2


def test_it_needs_one_run_with_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    for args in ([], ["--seeds", "2", "--run", "somewhere"]):
        assert main(["train", "dqn", *args, "--resume-or-start"]) == 2
        assert "name it by --run" in capsys.readouterr().err
    with pytest.raises(drl.UserError, match="name its directory by `run`"):
        drl.train("dqn", "CartPole-v1", resume_or_start=True, **QUICK)


def test_from_python_with_an_environment_that_nothing_names(tmp_path: Path) -> None:
    def call(**more: Any) -> drl.Result:
        settings = QUICK | more
        return drl.train("dqn", lambda: Walk(4), run=tmp_path, resume_or_start=True, **settings)

    stopped = call(callbacks=[Killed(70)])
    assert stopped.interrupted
    finished = call()
    assert finished.env_steps == 200 and not finished.interrupted
    again = call()
    assert again.summary == finished.summary and again.env_steps == 200
    assert (again.net.params == finished.net.params).all()
    obs = np.zeros(1, np.float32)
    assert again.policy(obs) == finished.policy(obs)
    alone = drl.train("dqn", lambda: Walk(4), **QUICK)
    assert (alone.net.params == finished.net.params).all()


class Killed(drl.Callback):
    """A signal ends it, at a step."""

    def __init__(self, step: int) -> None:
        self.at = step

    def on_step(self, experiment: Any, progress: Any) -> None:
        if progress.step >= self.at:
            self.at = 10**9
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_callback_that_has_finished_it_has(tmp_path: Path) -> None:
    def call() -> drl.Result:
        stop = [drl.StopAtReturn(-1)]
        return drl.train(
            "dqn", Walk, run=tmp_path, resume_or_start=True, callbacks=stop, **QUICK
        )  # fmt: skip

    assert call().stopped_by == "StopAtReturn" and call().env_steps == 100


def test_one_environment_that_is_at_hand(tmp_path: Path) -> None:
    """It is the only one, for the plan too."""
    env = Walk(4)

    def call(callbacks: list[drl.Callback]) -> drl.Result:
        settings = {k: v for k, v in QUICK.items() if k != "num_envs"}
        return drl.train(
            "dqn", env, run=tmp_path, resume_or_start=True, callbacks=callbacks, **settings
        )

    with pytest.warns(UserWarning, match="no spec"):
        assert call([Killed(70)]).interrupted
        assert call([]).env_steps == 200


def test_digits(tmp_path: Path) -> None:
    def call() -> drl.Result:
        return drl.train(
            "digits", run=tmp_path, model="logistic", epochs=2, progress=False,
            resume_or_start=True,
        )  # fmt: skip

    first, again = call(), call()
    assert again.summary == first.summary and (again.net.params == first.net.params).all()
