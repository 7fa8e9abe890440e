"""`train` and `drl train dqn` are one path: the same bytes, and a scored policy each."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drl import load_policy, train
from drl.cli.main import main


class Dice(gym.Env[np.ndarray, int]):
    """Everything in it is drawn from the generators that the process shares."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.bias, self.t = render_mode, np.random.rand(), 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return self._seen(), {}

    def step(self, action: int) -> Any:
        self.t += 1
        return self._seen(), np.random.rand() * action, self.t == 7, False, {}

    def render(self) -> np.ndarray:
        return np.random.randint(0, 256, (20, 20, 3), dtype=np.uint8)

    def _seen(self) -> np.ndarray:
        return np.array([self.bias, np.random.rand(), random.random()], np.float32)


@pytest.fixture
def dice() -> Iterator[None]:
    gym.register("Dice-v0", Dice, disable_env_checker=True)
    yield
    del gym.registry["Dice-v0"]


SHORT: dict[str, Any] = {
    "steps": 400, "num_envs": 4, "eval_every": 200, "eval_episodes": 2, "learning_starts": 64,
    "hidden": (8,), "progress": False,
}  # fmt: skip
FLAGS = ["--num-envs", "4", "--eval-every", "200", "--eval-episodes", "2",
         "--learning-starts", "64", "--hidden", "8"]  # fmt: skip


def by_command(run: Path, *args: str) -> dict[str, Any]:
    """The summary of a run."""
    assert main(["train", "dqn", "--run", str(run), "--json", *args]) == 0
    return dict(json.loads((run / "summary.json").read_text()))


def test_shared_generators_are_seeded_once_for_both_and_given_back(
    dice: None, tmp_path: Path
) -> None:
    """Whatever the process has drawn before, and whatever is filmed and logged meanwhile."""
    np.random.seed(77), random.seed(77)
    wanted = np.random.rand(3).tolist(), random.random()
    for log in ("full", "none"):
        by_command(tmp_path / log, "--env", "Dice-v0", "--steps", "400", "--log", log, *FLAGS)
    np.random.seed(77), random.seed(77)
    first = train("dqn", Dice, **SHORT)
    assert (np.random.rand(3).tolist(), random.random()) == wanted
    second = train("dqn", Dice, **SHORT)
    assert np.array_equal(first.agent.net.params, second.agent.net.params)
    for log in ("full", "none"):
        policy = load_policy(tmp_path / log / "checkpoints" / "best.safetensors")
        assert np.array_equal(policy.net.params, first.policy.net.params), log


def test_the_generators_are_given_back_where_training_fails() -> None:
    def broken(*, num_envs: int, seed: int) -> Any:
        raise RuntimeError("no environment")

    np.random.seed(5)
    wanted = np.random.rand()
    np.random.seed(5)
    with pytest.raises(RuntimeError):
        train("dqn", broken, **SHORT)
    assert np.random.rand() == wanted


def test_a_run_without_a_due_evaluation_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """512 of the 5,000 env steps until Acrobot's first: scored, watched, exported all the same."""
    run, args = tmp_path / "run", ["--env", "Acrobot-v1", "--steps", "512", "--log", "none"]
    summary = by_command(run, *args, "--eval-episodes", "2", "--learning-starts", "256")
    assert summary["last_mean_reward"] == summary["best_mean_reward"]
    assert summary["collapsed"] is False
    settings: dict[str, Any] = {"steps": 512, "eval_episodes": 2, "learning_starts": 256}
    trained = train("dqn", "Acrobot-v1", progress=False, **settings)
    assert summary["best_mean_reward"] == trained.mean_reward
    for command in (
        ["evaluate", str(run), "--episodes", "2"],
        ["watch", str(run), "--max-steps", "3", "--out", str(tmp_path / "video.gif")],
        ["export", str(run), "--format", "npz", "--out", str(tmp_path / "net.npz")],
    ):
        assert main([*command, "--json"]) == 0, capsys.readouterr().err
