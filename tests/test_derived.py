"""What a run's settings leave open is derived once, at its creation: schedules, factors, types."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from made import setup

from agents import PRESETS, DQNConfig, ExperimentConfig, preset, rainbow
from agents.dqn.build import build_exploration
from agents.dqn.config import Lengths, from_settings, lengths, updates_in
from agents.dqn.presets import ATARI, MINATAR
from agents.dqn.toy_text import TOY_TEXT
from agents.memory.build import build_memory
from agents.observations import byte_scale
from agents.row import Preset
from drl import load_policy, train
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.run import Run
from drl.nn.layers import Scale
from drl.settings import plain
from envs import make


class Board(gym.Env[np.ndarray, int]):
    """Bytes that are no image: cells of 0 and 1, or of 0 to 4."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, high: Any = 1, shape: tuple[int, ...] = (6,)) -> None:
        most = np.broadcast_to(np.array(high, np.uint8), shape)
        self.observation_space = gym.spaces.Box(np.zeros_like(most), most, dtype=np.uint8)
        self.t = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return self.observation_space.high.copy(), {}

    def step(self, action: int) -> Any:
        self.t += 1
        return self.observation_space.high.copy(), float(action), self.t == 5, False, {}


@pytest.fixture
def board() -> Iterator[None]:
    gym.register("Board-v0", Board, disable_env_checker=True)
    yield
    del gym.registry["Board-v0"]


FLAGS = ["--num-envs", "4", "--learning-starts", "64", "--eval-episodes", "2", "--json"]


def trained(run: Path, *args: str) -> dict[str, Any]:
    """The settings that a new run keeps."""
    assert main(["train", "dqn", "--run", str(run), *FLAGS, *args]) == 0
    settings: dict[str, Any] = json.loads((run / "config.json").read_text())["settings"]
    return settings


# -- schedules ----------------------------------------------------------------------------------
OWN_LENGTH = {  # ε in env steps, lr in updates: what the presets were tuned with
    "CartPole-v1": (3_000, 25_000), "drl/CartPolePixels-v1": (10_000, 50_000),
    "drl/Catch-v0": (8_000, 10_000), "Acrobot-v1": (10_000, 100_000),
    "MountainCar-v0": (40_000, 60_000), "LunarLander-v3": (30_000, 300_000),
    "Pendulum-v1": (3_000, 30_000), "MountainCarContinuous-v0": (20_000, 30_000),
    "drl/BitFlip-v0": (800, 8_000),
}  # fmt: skip


def own_lengths(preset: Preset) -> Lengths:
    return lengths(preset.config, preset.experiment.steps, preset.experiment.num_envs)


def test_presets_at_their_own_length_are_what_they_were_tuned_with() -> None:
    assert OWN_LENGTH.keys() == PRESETS.keys() - TOY_TEXT.keys()
    for name, wanted in OWN_LENGTH.items():
        assert own_lengths(PRESETS[name])[:2] == wanted, name
    assert own_lengths(MINATAR)[:2] == (100_000, 250_000)
    assert own_lengths(ATARI)[0] == 50_000 and ATARI.config.lr_end is None


@pytest.mark.parametrize("steps", [1_000, 7_777, 400_000])
@pytest.mark.parametrize("name", [*PRESETS, "MinAtar/Asterix-v1", "no preset"])
def test_schedules_reach_their_ends_within_a_run_of_any_length(name: str, steps: int) -> None:
    tuned = preset(name) or Preset(DQNConfig(), ExperimentConfig())
    envs = tuned.experiment.num_envs
    alone = replace(tuned.config, her=False, discretise=None)
    config = replace(rainbow(alone), buffer_size=1_000, noisy=False)
    updates = max(1, updates_in(config, steps, envs))
    found, rng = lengths(config, steps, envs), np.random.default_rng(0)
    explore = build_exploration(config, 2, envs, found.epsilon_steps, rng)
    assert explore.epsilon(steps) == pytest.approx(config.epsilon_end)
    assert explore.epsilon(0) == config.epsilon_start
    about = setup((4,), num_envs=envs)
    sampler: Any = build_memory(config, about, found.priority_beta_steps, np.asarray).replay.sampler
    assert sampler.beta(0) == 0.4
    assert sampler.beta(updates) == 1.0 and sampler.beta(updates // 2) <= 0.7
    assert found.lr_steps <= max(1, round(steps * config.updates_per_step))


def test_lengths_that_are_set_are_left_alone(tmp_path: Path) -> None:
    given = DQNConfig(epsilon_steps=7_000, lr_steps=8_000, priority_beta_steps=9_000)
    assert lengths(given, 10, 16) == (7_000, 8_000, 9_000)
    settings = trained(tmp_path / "run", "--steps", "128", "--epsilon-steps", "333")
    assert (settings["epsilon_steps"], settings["lr_steps"]) == (333, 64)


def test_a_short_run_explores_to_its_end_and_says_how_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--steps", "1000", "--prioritized", "--eval-every", "500", "--eval-episodes", "2"]
    assert main(["train", "dqn", "--run", str(tmp_path / "run"), *args, "--log", "none"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("schedules")]
    assert line == (
        "schedules, from 1,000 env steps in all: ε over 60 env steps, the learning rate over 500 "
        "updates, prioritized β over 508 updates"
    )
    with Run.open(tmp_path / "run") as run:
        assert lengths(from_settings(run.config), 1_000, 16) == (60, 500, 508)
        sampler = run.load_latest()["task"]["agent"]["replay"]["sampler"]
    assert sampler["drawn"] == 508  # the last update of the run: β = 1


def test_training_on_does_not_stretch_the_schedules(tmp_path: Path) -> None:
    run = tmp_path / "run"
    before = trained(run, "--steps", "128")
    assert main(["resume", str(run), "--steps", "256", "--json"]) == 0
    after = json.loads((run / "config.json").read_text())["settings"]
    assert before == after and after["epsilon_steps"] == 8
    other = trained(tmp_path / "other", "--steps", "256")
    assert other["epsilon_steps"] == 15


def test_seeds_side_by_side_have_the_numbers_too(tmp_path: Path) -> None:
    args = ["--steps", "128", "--seeds", "2", "--log", "none"]
    assert main(["train", "dqn", "--run", str(tmp_path / "runs"), *FLAGS, *args]) == 0
    for path in (tmp_path / "runs").glob("*/config.json"):
        assert json.loads(path.read_text())["settings"]["epsilon_steps"] == 8


# -- bytes --------------------------------------------------------------------------------------
def factor(net: Any) -> Any:
    (scale,) = [layer.factor for layer in net.layers if isinstance(layer, Scale)]
    return scale


@pytest.mark.parametrize(
    "high, shape, wanted",
    [
        (1, (6,), 1.0),
        (4, (6,), 0.25),
        (255, (6,), 1 / 255),
        ([1, 2, 4], (3,), (1.0, 0.5, 0.25)),
        ([0, 2, 4], (3,), (1.0, 0.5, 0.25)),  # what is always 0 stays 0
        (1, (5, 5), 1.0),
        (255, (8, 8, 3), 1 / 255),
        (1, (5, 5, 2), 1.0),
        ([[[1, 9]]], (5, 5, 2), 1 / 9),
    ],
)
def test_bytes_are_scaled_by_the_largest_of_their_space(
    high: Any, shape: tuple[int, ...], wanted: Any
) -> None:
    config = DQNConfig(learning_starts=64, hidden=(4,))
    settings: Any = {"steps": 80, "num_envs": 4, "eval_episodes": 1, "progress": False}
    result = train("dqn", lambda: Board(high, shape), config, **settings)
    assert factor(result.agent.net) == wanted and factor(result.policy.net) == wanted


def test_our_own_pictures_keep_their_255th() -> None:
    assert byte_scale(make("drl/CartPolePixels-v1", 1, 0).observation_space) == (1 / 255,)
    settings: Any = {"hidden": (4,), "eval_episodes": 1, "steps": 16, "progress": False}
    with pytest.warns(UserWarning, match="nothing will be learnt"):
        trained = train("dqn", "drl/CartPolePixels-v1", **settings)
    assert factor(trained.net) == 1 / 255


def test_the_factor_is_said_recorded_exported_and_loaded(
    board: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "net.npz"
    args = ["train", "dqn", "--env", "Board-v0", "--run", str(run), "--log", "none", *FLAGS[:-1]]
    assert main([*args, "--steps", "80", "--hidden", "4"]) == 0
    assert "observations are bytes, brought to 0 … 1 by 1/1" in capsys.readouterr().out
    assert json.loads((run / "config.json").read_text())["settings"]["scale"] == [1.0]
    assert main(["export", str(run), "--format", "npz", "--out", str(out), "--json"]) == 0
    assert np.load(out)["scale0.W"] == 1.0
    assert factor(load_policy(run / "checkpoints" / "best.safetensors").net) == 1.0


def test_a_policy_file_of_before_keeps_the_scaling_it_was_written_with(tmp_path: Path) -> None:
    """It names no factor, and lacks today's new settings: 1/255 for all bytes."""
    config = DQNConfig(hidden=(4,), epsilon_steps=10_000, lr_steps=1, priority_beta_steps=50_000)
    settings = plain(config)
    for name in ("epsilon_fraction", "lr_fraction"):
        del settings[name]
    about = {
        "settings": settings, "shape": [6], "observation_dtype": "uint8", "actions": 2,
        "first_action": 0, "own_net": False,
    }  # fmt: skip
    net = np.zeros(6 * 4 + 4 + 4 * 2 + 2, np.float32)
    checkpoint.save(tmp_path / "old.safetensors", {"policy": about, "net": net})
    assert factor(load_policy(tmp_path / "old.safetensors").net) == 1 / 255


# -- nothing learnt, and numbers of other kinds -------------------------------------------------
def test_a_run_without_an_update_says_so_at_its_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["train", "dqn", "--run", str(tmp_path / "run"), "--log", "none", "--json"]
    assert main([*args, "--steps", "400", "--eval-episodes", "2"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "no update is made in 400 env steps" in line and "500" in line
    with pytest.warns(UserWarning, match="no update is made in 400 env steps"):
        train("dqn", "CartPole-v1", steps=400, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learnt = train("dqn", "CartPole-v1", steps=500, progress=False)
        assert learnt.agent.updates == 12  # 512 env steps


def config(**given: Any) -> Any:
    """Of the agent or of its training, whose settings they are."""
    return (
        DQNConfig(**given)
        if given.keys() <= vars(DQNConfig()).keys()
        else ExperimentConfig(**given)
    )


@pytest.mark.parametrize(
    "given, wanted",
    [
        ({"steps": np.int64(1000)}, 1000),
        ({"steps": 1e5}, 100_000),
        ({"steps": np.float64(2e3)}, 2_000),
        ({"lr": np.float32(0.5)}, 0.5),
        ({"lr": np.int32(1)}, 1),
        ({"hidden": [64, 64]}, (64, 64)),
        ({"hidden": np.array([64, 32])}, (64, 32)),
        ({"hidden": (64.0, np.int8(32))}, (64, 32)),
        ({"scale": [1, np.float32(0.5)]}, (1, 0.5)),
        ({"scale": np.array([0.5])}, (0.5,)),
        ({"solved_at": np.float64(475)}, 475.0),
        ({"noisy": np.bool_(True)}, True),
        ({"batch_size": np.array(32)}, 32),
    ],
    ids=str,
)
def test_numbers_of_other_kinds_are_taken_as_what_they_are(given: Any, wanted: Any) -> None:
    (name,) = given
    value = getattr(config(**given), name)
    assert value == wanted and type(value) is type(wanted)
    if isinstance(wanted, tuple):
        assert [type(v) for v in value] == [type(v) for v in wanted]
    json.dumps(value)


@pytest.mark.parametrize(
    "given",
    [{"steps": 1.5}, {"steps": "9"}, {"steps": True}, {"hidden": 8.5}, {"lr": "1"}],
    ids=str,
)
def test_what_is_no_such_number_is_still_refused(given: Any) -> None:
    with pytest.raises(UserError, match="is not possible: expected"):
        config(**given)
