"""What is mistyped is answered with what was meant."""

from __future__ import annotations

import warnings

import pytest

from drl.cli.main import main
from drl.nearest import did_you_mean, nearest
from envs.nearest import nearest_ids


def said(args: str, capsys: pytest.CaptureFixture[str]) -> str:
    """In the one line of a command that fails."""
    assert main(args.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        ("train dqn --batchsize 32", "train dqn has no --batchsize (did you mean --batch-size?)"),
        ("train dqn --rainbwo", "did you mean --rainbow?"),
        ("train dqn --no-dualing", "did you mean --dueling?"),
        ("train ppo --entcoef=0.1", "train ppo has no --entcoef (did you mean --ent-coef?)"),
        ("train digits --modle conv", "did you mean --model?"),
        ("train dqn --learning-rate 0.1", "did you mean --lr?"),  # as other libraries call it
        ("train dqn --total_timesteps 10", "did you mean --steps?"),
        ("evaluate --episode 3 run", "evaluate has no --episode (did you mean --episodes?)"),
        ("compare run --output x.png", "did you mean --out?"),
        ("train dqn --nothing-of-the-kind 3", "train dqn has no --nothing-of-the-kind; see"),
        ("train dqn --steps 10 more", "'more' is not understood"),
        ("train dqn --lr", "--lr needs a value"),
        ("tour ten", "'ten' is not possible: give a whole number"),
        ("evaluate", "missing: directory of the run, a policy's file, or a checkpoint of a run"),
        ("export runs/a", "missing: --out, file to write; one that exists is refused; see drl"),
        ("train dqn --bootstrap duble", "give max, double or munchausen (did you mean double?)"),
        ("train dqn --log-to csvv", "(did you mean csv?)"),
        ("export run --format onxx", "(did you mean onnx?)"),
        ("train spo", "unknown agent 'spo' (did you mean ppo?); expected one of dqn"),
        ("train DQN", "did you mean dqn?"),
        ("train digit", "did you mean digits?"),
        ("doctor --agent pp0", "did you mean ppo?"),
        ("trian dqn", "unknown command 'trian' (did you mean train?)"),
        ("ppo --env CartPole-v1", "unknown command 'ppo' (did you mean train ppo?)"),
        ("bord", "did you mean board?"),
    ],
)
def test_what_was_meant(args: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert meant in said(args, capsys)


@pytest.mark.parametrize(
    ("args", "form"),
    [
        ("train --agent dqn --env X", "drl train dqn --env X ("),
        ("train --env X --agent=ppo --seed 3", "drl train ppo --env X --seed 3 ("),
        ("train --algo saq --env X", "drl train sac --env X ("),
        ("train --agent my_agent.py", "drl train my_agent.py ("),
        ("train --env X", "drl train dqn --env X ("),
        ("train", "drl train dqn ("),
    ],
)
def test_the_agent_comes_first(args: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said with what was written, as it should be."""
    line = said(args, capsys)
    assert f"train what? The agent comes first: {form}there are dqn, ppo" in line


@pytest.mark.parametrize(
    ("id", "meant"),
    [
        ("CartPole-v2", ["CartPole-v1"]),  # not a second name of it besides
        ("cartpole", ["CartPole-v1"]),
        ("Cart-Pole-v1", ["CartPole-v1"]),
        ("mountaincar", ["MountainCar-v0", "drl/MountainCar-v0"]),
        ("drl/mountaincar", ["drl/MountainCar-v0"]),
        ("Pendulum-v0", ["Pendulum-v1", "drl/Pendulum-v1"]),
        ("Catch", ["drl/Catch-v0"]),
        ("FrozenLake-v0", ["FrozenLake-v1"]),
        ("MinAtar/breakout", ["MinAtar/Breakout-v1"]),
        ("Nothing like it", []),
    ],
)
def test_the_nearest_environments(id: str, meant: list[str]) -> None:
    assert nearest_ids(id) == meant


@pytest.mark.parametrize("id", ["LunarLander-v2", "lunarlander"])
def test_a_version_that_is_out_of_date(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and none of Gymnasium's; a package of its own is imported as ever."""
    pytest.importorskip("Box2D")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line = said(f"train ppo --env {id}", capsys)
    assert line.startswith(f"drl: unknown environment '{id}' (did you mean LunarLander-v3?)")


def test_names_that_differ_in_signs_alone_are_alone() -> None:
    assert nearest("batch_size", ["batch-size", "batch-sizes"], 2) == ["batch-size"]
    assert nearest("xyz", ["abc"]) == [] and did_you_mean("xyz", ["abc"]) == ""
    assert did_you_mean("env", ["envs", "nenv"], 2) == " (did you mean envs or nenv?)"
