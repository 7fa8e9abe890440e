"""Simulators of which only one may live, and factories that give the same object each time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from trained import assert_same, latest

from agents import evaluate
from drl import train
from drl.cli.main import main
from drl.errors import UserError
from envs import Chain, make


class Simulator(gym.Env[np.ndarray, int]):
    """Ends after 7 steps; `most` of them may be open at the same time."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    open, most, seen = 0, 1, 0

    def __init__(self, render_mode: str | None = None) -> None:
        if Simulator.open >= Simulator.most:
            raise RuntimeError("the port is taken")
        Simulator.open += 1
        Simulator.seen = max(Simulator.seen, Simulator.open)
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> Any:
        self.t += 1
        return self.np_random.random(2, np.float32), float(action), self.t == 7, False, {}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)

    def close(self) -> None:
        Simulator.open -= 1


@pytest.fixture(autouse=True)
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"open": 0, "most": 1, "seen": 0}.items():
        monkeypatch.setattr(Simulator, name, value)
    gym.register("Simulator-v0", Simulator, disable_env_checker=True)
    yield
    del gym.registry["Simulator-v0"]


SMALL: dict[str, Any] = {
    "steps": 96, "num_envs": 1, "eval_every": 48, "eval_episodes": 50, "learning_starts": 32,
    "hidden": (4,), "progress": False,
}  # fmt: skip
FLAGS = ["--env", "Simulator-v0", "--steps", "96", "--eval-every", "48", "--eval-episodes", "50",
         "--learning-starts", "32", "--hidden", "4", "--json"]  # fmt: skip


def test_evaluations_in_the_training_environments_need_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained with its videos, resumed, of seeds too, evaluated, watched: never two at once."""
    run = str(tmp_path / "run")
    alone = [*FLAGS, "--num-envs", "1", "--eval-envs", "0"]
    assert main(["train", "dqn", "--run", run, *alone]) == 0
    assert json.loads(capsys.readouterr().out)["best_mean_reward"] is not None
    for command in (
        ["resume", run, "--steps", "144"],
        ["evaluate", run, "--episodes", "3"],
        ["watch", run, "--out", str(tmp_path / "a.gif")],
        ["train", "dqn", "--run", str(tmp_path / "seeds"), *alone, "--seeds", "2"],
    ):
        assert main(command) == 0, capsys.readouterr().err
    assert (Simulator.open, Simulator.seen) == (0, 1)
    assert train("dqn", Simulator, **SMALL, eval_envs=0).mean_reward >= 0
    assert (Simulator.open, Simulator.seen) == (0, 1)


def test_so_many_are_open_and_no_more(tmp_path: Path) -> None:
    Simulator.most = 3
    args = [*FLAGS, "--num-envs", "1", "--eval-envs", "2"]
    assert main(["train", "dqn", "--run", str(tmp_path / "run"), *args]) == 0
    assert (Simulator.open, Simulator.seen) == (0, 3)


@pytest.mark.parametrize("many", ["--num-envs", "--eval-envs"])
def test_a_constructor_that_refuses_is_one_line_and_leaves_none_open(
    many: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*FLAGS, "--num-envs", "1", "--eval-envs", "1", many, "2", "--log", "none"]
    assert main(["train", "dqn", "--run", str(tmp_path / "run"), *args]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError: the port is taken" in line
    assert "while 1 other(s) were open" in line and "--num-envs 1 and --eval-envs 0" in line
    assert Simulator.open == 0


def test_an_evaluation_restarts_the_training_episodes_and_drops_their_windows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and a resumed run is the same to the last bit."""
    args = ["--env", "drl/Chain-v0", "--eval-envs", "0", "--n-step", "3", "--num-envs", "4",
            "--learning-starts", "32", "--eval-every", "64", "--eval-episodes", "3",
            "--log", "none", "--solved-at", "None", "--epsilon-steps", "50",
            "--lr-steps", "100", "--priority-beta-steps", "100"]  # fmt: skip
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(["train", "dqn", "--run", str(whole), *args, "--steps", "200"]) == 0
    assert "evaluations play in the training environments" in capsys.readouterr().out
    assert main(["train", "dqn", "--run", str(parts), *args, "--steps", "128"]) == 0
    state = latest(parts)["task"]  # written after the evaluation at 128
    assert not state["agent"]["nstep"]["open"].any() and not state["lengths"].any()
    assert not state["envs"]["elapsed"].any()
    assert main(["resume", str(parts), "--steps", "200", "--json"]) == 0
    assert_same(latest(whole), latest(parts))


# -- the same object ---------------------------------------------------------------------------
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_factory_that_gives_the_same_environment_is_named(wrapped: bool) -> None:
    env: Any = gym.make("CartPole-v1")

    def build() -> Any:
        return gym.wrappers.TimeLimit(env, 100) if wrapped else env

    for what in (
        lambda: make(build, 10, seed=0),
        lambda: train("dqn", build, **SMALL | {"num_envs": 2}),
        lambda: train("dqn", build, **SMALL | {"eval_episodes": 1}),  # the training's own
    ):
        with pytest.raises(UserError, match="made once and given again and again") as error:
            what()  # type: ignore[no-untyped-call]
        assert "\n" not in str(error.value)


def test_one_is_enough_where_only_one_is_needed() -> None:
    env = gym.make("CartPole-v1")
    trained = train("dqn", lambda: env, **SMALL | {"eval_envs": 0, "eval_episodes": 2})
    assert trained.mean_reward > 0
    vector = make(lambda: env, 1, seed=0)  # it was given back
    assert evaluate(trained.policy, vector, 2).mean > 0
    vector.close()


def test_environments_of_our_kind_too() -> None:
    same = Chain(num_envs=2, seed=0)
    with pytest.raises(UserError, match="made once and given again and again"):
        train("dqn", lambda **how: same, **SMALL | {"num_envs": 2, "eval_episodes": 2})
