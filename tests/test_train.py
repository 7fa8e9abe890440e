"""An agent through the command line: learns, repeats itself, resumes exactly, fails clearly."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import dqn_in, task
from trained import SHORT, assert_same, latest, scalars, train

from agents import DQNConfig
from agents.evaluation import evaluate
from drl.cli.main import main
from envs import make
from envs.chain import optimal_q


def test_chain_reaches_its_known_optimum() -> None:
    """Truncation after 20 steps must not show in Q: only termination ends the environment."""
    config = DQNConfig(
        hidden=(), init="xavier", gamma=0.9, bootstrap="max", lr=0.02, lr_end=1e-4, lr_steps=12_000,
        tau=0.05, epsilon_end=1.0, buffer_size=20_000, updates_per_step=0.5,
    )  # fmt: skip
    envs = make("drl/Chain-v0", 8, seed=1)
    learns = task(dqn_in(config, envs, steps=30_000), envs, steps=30_000)
    for _ in learns.run(30_000):
        pass
    q = learns.net(np.eye(5, dtype=np.float32))
    assert np.abs(q - optimal_q(5, 0.9)).max() < 1e-2
    fresh = make("drl/Chain-v0", 10, seed=2)
    assert evaluate(learns.agent.policy(), fresh, 10).mean == 1.0


def test_updates_keep_their_ratio() -> None:
    config = DQNConfig(updates_per_step=0.25, learning_starts=10, batch_size=4, hidden=(4,))
    envs = make("drl/Chain-v0", 3, seed=1)
    learns = task(dqn_in(config, envs), envs)
    for progress in learns.run(100):
        assert learns.agent.updates == max(0, int((progress.step - 10) * 0.25))


@pytest.mark.parametrize("env", ["CartPole-v1", "Acrobot-v1"])
def test_same_seed_same_run_and_another_seed_another(env: str, tmp_path: Path) -> None:
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        train(
            tmp_path / name, "--env", env, "--steps", "512", "--seed", seed, "--solved-at", "None"
        )
    a, b, c = (latest(tmp_path / name) for name in "abc")
    assert_same(a, b)
    assert not np.array_equal(a["task"]["agent"]["net"], c["task"]["agent"]["net"])
    assert scalars(tmp_path / "a") == scalars(tmp_path / "b")


@pytest.mark.parametrize("env", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "drl/Chain-v0"])
def test_resumed_run_is_the_same_run(env: str, tmp_path: Path) -> None:
    args = ["--env", env, "--seed", "5", "--solved-at", "None"]
    train(tmp_path / "whole", *args, "--steps", "768")
    train(tmp_path / "parts", *args, "--steps", "320")
    assert main(["resume", str(tmp_path / "parts"), "--steps", "768", "--json"]) == 0
    assert_same(latest(tmp_path / "whole"), latest(tmp_path / "parts"))
    assert scalars(tmp_path / "whole") == scalars(tmp_path / "parts")


def test_resume_after_a_kill_redoes_what_was_lost(tmp_path: Path) -> None:
    """SIGKILL between checkpoints: the steps after the last one are done again, the same."""
    args = ["--seed", "5", "--solved-at", "None", "--steps", "2048"]
    train(tmp_path / "whole", *args)
    command = [sys.executable, "-m", "drl.cli.main", "train", "dqn", "--run"]
    process = subprocess.Popen([*command, str(tmp_path / "killed"), *SHORT, *args])
    while not (tmp_path / "killed/checkpoints/step-000000000384.safetensors").exists():
        assert process.poll() is None, "finished before it could be killed"
    process.kill()
    process.wait()
    assert main(["resume", str(tmp_path / "killed"), "--json"]) == 0
    assert_same(latest(tmp_path / "whole"), latest(tmp_path / "killed"))
    assert scalars(tmp_path / "whole") == scalars(tmp_path / "killed")


def test_two_started_at_once_in_one_directory_never_mix(tmp_path: Path) -> None:
    args = ["--seed", "5", "--solved-at", "None", "--steps", "512"]
    both = str(tmp_path / "both")
    command = [sys.executable, "-m", "drl.cli.main", "train", "dqn", *SHORT, *args, "--run"]
    subprocess.run([*command, str(tmp_path / "alone")], check=True, capture_output=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    pair = [subprocess.Popen([*command, both], **quiet) for _ in range(2)]
    errors = [process.communicate(timeout=100)[1] for process in pair]
    codes = [process.returncode for process in pair]
    assert sorted(codes) == [0, 2], errors
    assert both in errors[codes.index(2)]
    assert_same(latest(tmp_path / "alone"), latest(tmp_path / "both"))
    assert scalars(tmp_path / "alone") == scalars(tmp_path / "both")


def test_resume_from_the_very_start_repeats_no_point(tmp_path: Path) -> None:
    """Killed after points had been written, but before a checkpoint other than the first."""
    args = ["--seed", "5", "--solved-at", "None", "--steps", "512", "--checkpoint-every", "9999"]
    for name in ("whole", "killed"):
        train(tmp_path / name, *args)
    checkpoints = tmp_path / "killed" / "checkpoints"
    (checkpoints / "step-000000000512.safetensors").unlink()
    assert main(["resume", str(tmp_path / "killed"), "--json"]) == 0
    assert_same(latest(tmp_path / "whole"), latest(tmp_path / "killed"))
    assert scalars(tmp_path / "whole") == scalars(tmp_path / "killed")


def test_environments_that_cannot_tell_their_state_begin_anew_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from envs import GymVector

    monkeypatch.setattr(GymVector, "state", lambda self: None)
    train(tmp_path / "run", "--env", "Acrobot-v1", "--steps", "320")
    assert main(["resume", str(tmp_path / "run"), "--steps", "640", "--json"]) == 0
    assert "Acrobot-v1: its state could not be saved" in capsys.readouterr().err
    assert latest(tmp_path / "run")["task"]["env_steps"] == 640


VARIANTS = (
    "--bootstrap max", "--bootstrap munchausen", "--n-step 1", "--tau 0.01", "--dueling", "--noisy",
    "--prioritized", "--head c51", "--head qr", "--head iqn", "--rainbow", "--ez-mu 2",
    "--backend torch", "--backend torch --rainbow", "--env MinAtar/Breakout-v1",
    "--env drl/CartPolePixels-v1", "--env MountainCar-v0", "--env LunarLander-v3",
)  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_resume_exactly(variant: str, tmp_path: Path) -> None:
    args = [*variant.split(), "--seed", "5", "--solved-at", "None"]
    train(tmp_path / "whole", *args, "--steps", "512")
    train(tmp_path / "parts", *args, "--steps", "200")
    assert main(["resume", str(tmp_path / "parts"), "--steps", "512", "--json"]) == 0
    assert_same(latest(tmp_path / "whole"), latest(tmp_path / "parts"))


def test_interrupt_ends_with_a_checkpoint_and_the_command_to_go_on(tmp_path: Path) -> None:
    import signal

    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", "train", "dqn", "--run", str(run), "--solved-at",
         "None", "--steps", "1000000", *SHORT],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not list(run.glob("checkpoints/step-*")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"drl resume {run}" in out
    assert latest(run)["task"]["env_steps"] > 0


def test_solves_cartpole_and_evaluate_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", "dqn", "--run", str(run), "--json", "--seed", "11"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["solved"] and summary["best_mean_reward"] >= 475
    assert main(["evaluate", str(run), "--json", "--seed", "1000"]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert scores["episodes"] == 100 and scores["mean_reward"] >= 475


@pytest.mark.parametrize(
    "args, words",
    [
        (["--env", "CartPole-v9"], ["CartPole-v9", "CartPole-v1"]),
        (["--env", "drl/ProbeContinuous-v0"], ["Box(", "Discrete", "--discretise 5"]),
        (["--steps", "0"], ["--steps 0", "above 0"]),
        (["--hidden", "64", "-1"], ["--hidden", "above 0"]),
        (["--lr", "nan"], ["--lr nan", "above 0"]),
        (["--buffer-size", "10"], ["--buffer-size 10", "batch of 64"]),
        (
            ["--buffer-size", "100000000000", "--steps", "100000000000"],
            ["100,000,000,000 transitions", "--buffer-size"],
        ),
        (["--v-min", "3", "--v-max", "2"], ["--v-max 2", "--v-min (3"]),
        (["--head", "c52"], ["--head", "c51"]),
        (["--activation", "swish"], ["swish", "relu"]),
        (["--scale", "1", "2", "3"], ["CartPole-v1", "fit"]),
        (["--seed", "-1"], ["--seed -1"]),
        (["--lr", "fast"], ["--lr", "fast"]),
        (["--nonsense", "1"], ["--nonsense"]),
        (["--log-every", "0"], ["--log-every 0", "1 env step"]),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    args: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", "dqn", "--run", str(run), *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1
    assert all(word in captured.err for word in words), captured.err
    assert not run.exists()


def test_a_memory_larger_than_the_machine_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from drl.nn import memory

    monkeypatch.setattr(memory, "physical_memory", lambda: 1e6)
    assert main(["train", "dqn", "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert (
        len(error.splitlines()) == 1 and "50,000 transitions" in error and "--buffer-size" in error
    )
    assert not (tmp_path / "run").exists()


def test_divergence_is_named_at_its_update(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "dqn", "--run", str(tmp_path / "run"), "--lr", "1e30"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and "linear0's parameters" in error
    assert "at update 1 " in error and "last good checkpoint is" in error and "lower --lr" in error
    assert "step-000000000000" in error  # the one of the start, never one written after


def test_existing_directory_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["train", "dqn", "--run", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_commands_on_what_is_no_run(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "nowhere")]) == 2
    assert "no such directory" in capsys.readouterr().err
    assert main([command, str(tmp_path)]) == 2
    assert "config.json is missing" in capsys.readouterr().err
