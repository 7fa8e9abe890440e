"""What an id stands for, one table of them, and the names that messages give environments."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.dqn.presets import PRESETS, preset
from agents.row import find_row
from drl.cli.completion import env_ids
from drl.cli.main import main
from drl.errors import UserError
from drl.tables import AGENTS
from envs import make, registration, resolve
from envs.ids import OURS, others, own_class

EXTRA = (
    "LunarLander", "LunarLanderContinuous", "BipedalWalker", "InvertedPendulum",
    "InvertedDoublePendulum",
)  # fmt: skip


@pytest.mark.parametrize(
    ("id", "full"),
    [
        ("CartPole-v1", "CartPole-v1"),
        ("CartPole", "CartPole-v1"),
        ("gymnasium:CartPole-v1", "CartPole-v1"),
        ("gymnasium:CartPole", "CartPole-v1"),
        ("drl/CartPole-v1", "CartPole-v1"),
        ("drl/CartPole", "CartPole-v1"),
        ("drl/Catch", "drl/Catch-v0"),
        ("drl/Catch-v0", "drl/Catch-v0"),
        ("MountainCar", "MountainCar-v0"),
        ("MinAtar/Breakout", "MinAtar/Breakout-v1"),
        ("MinAtar/Breakout-v0", "MinAtar/Breakout-v0"),
        ("Acrobot-v1", "Acrobot-v1"),  # Gymnasium's
        ("Acrobot", "Acrobot-v1"),
        ("drl/Acrobot-v1", "drl/Acrobot-v1"),  # ours
        ("drl/Acrobot", "drl/Acrobot-v1"),
        ("CartPole-v0", "CartPole-v0"),
        ("Nothing", "Nothing"),
        ("Nothing-v3", "Nothing-v3"),
        ("Nothing-vx", "Nothing-vx"),
        ("my_env:Corridor", "my_env:Corridor"),
        ("", ""),
    ],
)
def test_an_id_in_full(id: str, full: str) -> None:
    assert resolve(id) == full == resolve(full)


def test_an_id_without_a_version_may_be_all_there_is() -> None:
    gym.register("Plain", lambda: None)
    assert resolve("Plain") == "Plain"
    gym.registry.pop("Plain")
    for version in (3, 10):
        gym.register(f"Plain-v{version}", lambda: None)
    assert resolve("Plain") == "Plain-v10"
    for version in (3, 10):
        gym.registry.pop(f"Plain-v{version}")


def test_a_preset_is_the_resolved_ids() -> None:
    tuned = PRESETS["CartPole-v1"]
    for id in ("CartPole", "gymnasium:CartPole-v1", "drl/CartPole-v1", "gymnasium:CartPole"):
        assert preset(resolve(id)) is tuned
    assert preset("some.module:CartPole-v1") is tuned
    for id in ("Acrobot-v1", "MountainCar-v0"):
        assert preset(resolve(f"drl/{id}")) is PRESETS[id] and PRESETS[id] is not None
    assert preset("drl/Chain-v0") is None
    assert preset("some.module:MinAtar/Breakout-v1") is preset("MinAtar/Breakout-v1")


@pytest.mark.parametrize("id", ["CartPole", "gymnasium:CartPole-v1", "drl/CartPole-v1"])
def test_a_run_keeps_the_id_in_full(id: str, tmp_path: Path, capsys: Any) -> None:
    run = tmp_path / "run"
    assert main(["train", "dqn", "--env", id, "--steps", "64", "--run", str(run)]) == 0
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert settings["env"] == "CartPole-v1" and settings["hidden"] == [64, 64]
    assert settings["gamma"] == PRESETS["CartPole-v1"].config.gamma
    assert "no preset" not in capsys.readouterr().out


def test_no_preset_is_said(tmp_path: Path, capsys: Any) -> None:
    short = ["--steps", "64", "--num-envs", "2", "--eval-episodes", "2"]
    command = ["train", "dqn", "--env", "drl/Chain-v0", "--run", str(tmp_path / "run"), *short]
    assert main(command) == 0
    assert "no preset for drl/Chain-v0: defaults\n" in capsys.readouterr().out


def test_all_that_is_offered_exists() -> None:
    offered = env_ids()
    # some of another version of Gymnasium
    tuned = {id for name in AGENTS for id in find_row(name).presets}
    assert {*OURS, *registration.IDS} <= set(offered) <= {*OURS, *registration.IDS, *tuned}
    assert {"CartPole-v1", "Acrobot-v1", "LunarLander-v3", "Taxi-v4"} <= set(offered)
    for id in offered:
        assert id in gym.registry or id in others()
        if id.partition("-")[0] not in EXTRA:  # their packages are extras
            make(id, 1, 0).close()


def test_gymnasium_is_told_of_each_of_ours() -> None:
    assert {resolve(id) for id in registration.IDS} == OURS.keys()
    for id in registration.IDS:
        assert id in gym.registry and own_class(resolve(id)).id == resolve(id)


class Shower(gym.Env[np.ndarray, int]):
    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        raise RuntimeError("cold")


def build_shower() -> gym.Env[np.ndarray, int]:
    return Shower()


@pytest.mark.parametrize(
    "build",
    [
        Shower, lambda: Shower(), build_shower, partial(build_shower),
        lambda: gym.wrappers.TimeLimit(Shower(), 3),
    ],
)  # fmt: skip
def test_messages_name_the_environment(build: Any) -> None:
    env = make(build, 1, 0)
    assert env.id == "Shower"
    with pytest.raises(UserError, match=r"^Shower \(environment 0\) failed in a reset .*cold"):
        env.reset()


def test_a_function_that_fails_has_no_other_name() -> None:
    def made() -> Any:
        raise RuntimeError("cold")

    with pytest.raises(UserError, match=r"^made failed when it was made"):
        make(partial(made), 1, 0)
    with pytest.raises(UserError, match=r"^the environment failed when it was made"):
        make(lambda: 1 / 0, 1, 0)


def test_an_environment_as_registered_is_called_by_its_id() -> None:
    """So that its preset is found; not what wrappers, or other settings, have made of it."""
    assert make(lambda: gym.make("CartPole-v1"), 1, 0).id == "CartPole-v1"
    for build in (
        lambda: gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda r: -r),
        lambda: gym.make("CartPole-v1", max_episode_steps=10),
        lambda: gym.make("CartPole-v1", sutton_barto_reward=True),
        lambda: gym.make("CartPole-v1").unwrapped,
    ):
        assert make(build, 1, 0).id == "CartPoleEnv"
