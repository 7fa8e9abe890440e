"""What never ends by itself: evaluations have a limit, and every loop ends at the first signal."""

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import odd_envs
import pytest
from trained import assert_same, latest

from agents import evaluate
from drl import TrainingWarning, train
from drl.cli.main import main
from drl.errors import EnvWarning
from drl.experiment.interrupt import Interrupt, Interrupted, ended_by_signals
from envs import make

SMALL = ["--steps", "96", "--num-envs", "2", "--learning-starts", "32", "--batch-size", "8",
         "--hidden", "4", "--eval-every", "48", "--eval-episodes", "3",
         "--log", "none"]  # fmt: skip


@pytest.fixture(autouse=True)
def usual_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a terminal has them, also where the tests run in the background of a shell; the last
    Ctrl-C was long ago."""
    monkeypatch.setattr(Interrupt, "last", -math.inf)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# -- evaluations -------------------------------------------------------------------------------
def test_an_evaluation_without_an_end_scores_what_was_earned_and_says_so() -> None:
    env = make(odd_envs.Endless, 2, seed=0)
    with pytest.warns(EnvWarning, match="2 of 3 episodes .* no end within 50 agent steps"):
        result = evaluate(lambda obs: np.zeros(len(obs), int), env, 3, max_steps=50)
    assert result.returns.tolist() == [50.0, 50.0] and result.lengths.tolist() == [50, 50]
    assert result.cut == 2


def test_only_what_does_not_end_is_cut() -> None:
    """Of two environments one ends after 5 steps: it plays its share, the other one episode."""

    class Mixed(odd_envs.Endless):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            Mixed.made += 1
            self.length = 5 if Mixed.made == 1 else 10**9

        def reset(self, **how: Any) -> Any:
            self.t = 0
            return super().reset(**how)

        def step(self, action: int) -> Any:
            self.t += 1
            return (*super().step(action)[:3], self.t == self.length, {})

    with pytest.warns(EnvWarning, match="1 of 6 episodes"):
        result = evaluate(lambda obs: np.zeros(2, int), make(Mixed, 2, seed=0), 6, max_steps=40)
    assert result.returns.tolist() == [5.0, 5.0, 5.0, 40.0] and result.cut == 1


def test_training_goes_on_after_an_endless_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    args = ["--env", "odd/Endless-v0", "--run", str(run), "--json", *SMALL]
    assert main(["train", "dqn", *args, "--eval-max-steps", "70"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["best_mean_reward"] == 70
    (line,) = said.err.splitlines()  # of two evaluations, once
    assert "warning: odd/Endless-v0: 3 of 3 episodes" in line and "eval_max_steps" in line
    assert main(["evaluate", str(run), "--episodes", "4", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["mean_reward"] == 70 and "4 of 4 episodes" in said.err


def test_from_python_too() -> None:
    small = {
        "steps": 96, "num_envs": 2, "eval_every": 48, "eval_episodes": 3, "eval_max_steps": 70,
        "hidden": (4,), "learning_starts": 32, "progress": False,
    }  # fmt: skip
    with pytest.warns(TrainingWarning, match="3 of 3 episodes"):
        assert train("dqn", odd_envs.Endless, **small).mean_reward == 70


# -- signals -----------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_asked_between_steps_and_end_at_once_what_can_be_made_again(
    number: int,
) -> None:
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        signal.raise_signal(number)
        assert interrupt.asked
        with pytest.raises(Interrupted), interrupt.at_once():
            raise AssertionError("not begun: the signal came before")
    Interrupt.last = -math.inf  # more than a second later
    with Interrupt() as interrupt, pytest.raises(Interrupted), interrupt.at_once():
        os.kill(os.getpid(), number)
        time.sleep(10)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_the_parent_ignores_stays_ignored(number: int) -> None:
    """nohup ignores SIGHUP, a shell without job control SIGINT in its background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with ended_by_signals(), Interrupt() as interrupt, interrupt.at_once():
            signal.raise_signal(number)
            assert not interrupt.asked
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


@contextmanager
def started(tmp_path: Path, made: int, *args: str) -> Iterator[subprocess.Popen[str]]:
    """A command, once so many environments have been made."""
    diary = tmp_path / "diary"
    diary.touch()
    process = subprocess.Popen(
        odd_envs.command(*args), env=os.environ | {"DIARY": str(diary)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while diary.read_text().count("made") < made:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(0.3)
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: int) -> str:
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_evaluation_that_never_ends_ends_at_the_first_signal(
    number: int, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    args = ["--env", "odd/Slow-v0", "--eval-max-steps", "1000000", "--steps", "500"]
    made = 2 + 3  # training's, the evaluation's
    with started(tmp_path, made, "train", "dqn", "--run", str(run), *SMALL, *args) as process:
        assert f"drl resume {run}" in ended(process, number)
    diary = (tmp_path / "diary").read_text()
    assert diary.count("closed") == diary.count("made") == made
    state = latest(run)
    assert (
        state["task"]["env_steps"] == 48 and state["task"]["evaluations"]["played"] == 0
    )  # it is still to be made
    assert json.loads((run / "summary.json").read_text())["interrupted"]


def test_of_seeds_too(tmp_path: Path) -> None:
    args = ["--env", "odd/Slow-v0", "--eval-max-steps", "1000000", "--steps", "500"]
    runs = tmp_path / "runs"
    command = ["train", "dqn", "--seeds", "2", "--run", str(runs), *SMALL, *args]
    with started(tmp_path, 2 + 2 + 3, *command) as process:
        ended(process, signal.SIGTERM)
    assert list(runs.glob("seed-*/checkpoints/step-000000000048.safetensors"))


@pytest.mark.parametrize("command", ["evaluate", "watch"])
def test_commands_that_only_look_end_too_and_close_what_they_opened(
    command: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    args = ["--env", "odd/Endless-v0", "--run", str(run), *SMALL, "--eval-max-steps", "1"]
    assert main(["train", "dqn", *args]) == 0
    config = json.loads((run / "config.json").read_text())
    config["settings"] |= {"env": "odd/Slow-v0", "eval_max_steps": 10**6}
    (run / "config.json").write_text(json.dumps(config))
    more = [] if command == "evaluate" else ["--out", str(tmp_path / "a.gif")]
    with started(tmp_path, 2, command, str(run), *more) as process:
        ended(process, signal.SIGTERM)
    diary = (tmp_path / "diary").read_text()
    assert diary.count("closed") == diary.count("made")
    assert not (tmp_path / "a.gif").exists()


# -- the same bytes ----------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["None", "0"])
@pytest.mark.parametrize("env", ["drl/Chain-v0", "Acrobot-v1"])
def test_an_interrupted_evaluation_is_made_again_as_if_for_the_first_time(
    env: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an environment draws from the shared generators, and while it resets."""
    looked, ask_at = 0, 10**9

    def drawing(policy: Any, envs: Any, *how: Any) -> Any:
        nonlocal looked
        np.random.rand()
        envs.reset()
        looked += 1
        if looked == ask_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(policy, envs, *how)

    for module in ("agents.task", "agents.evaluation"):
        monkeypatch.setattr(f"{module}.evaluate", drawing)
    args = ["train", "dqn", "--env", env, *SMALL, "--eval-envs", where, "--eval-max-steps", "600"]
    args += ["--json", "--n-step", "3"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main([*args, "--run", str(whole)]) == 0
    looked, ask_at = 0, 2
    assert main([*args, "--run", str(parts)]) == 130
    assert latest(parts)["task"]["evaluations"]["played"] == 1
    assert latest(parts)["task"]["env_steps"] == 96
    assert main(["resume", str(parts), "--json"]) == 0
    assert_same(latest(whole), latest(parts))
