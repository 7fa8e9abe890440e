"""A policy speaks the environment's language: its actions, finite numbers, its images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from made import NEVER, dqn, dqn_in, task
from made import policy as policy_of

from agents import DQNConfig, evaluate
from drl import Result, load_policy, load_run, train
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment import checkpoint
from envs import make


class Door(gym.Env[np.ndarray, np.int64]):
    """Actions 3, 4, 5; only 5 pays, and then the episode ends; others are no actions at all."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(3, start=3)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.t = render_mode, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return np.ones(1, np.float32), {}

    def step(self, action: np.int64) -> Any:
        assert self.action_space.contains(action), action
        self.t += 1
        return np.ones(1, np.float32), float(action == 5), bool(action == 5), self.t == 9, {}

    def render(self) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def door() -> Iterator[None]:
    gym.register("Door-v0", Door, disable_env_checker=True)
    yield
    del gym.registry["Door-v0"]


CONFIG = DQNConfig(learning_starts=64, hidden=(8,), n_step=2, ez_mu=2.0)


def train_door() -> Result:
    return train(
        "dqn", Door, CONFIG, steps=600, num_envs=4, eval_every=200, eval_episodes=2,
        progress=False,
    )  # fmt: skip


def test_a_policy_gives_the_actions_of_the_environment(tmp_path: Path) -> None:
    trained = train_door()
    assert trained.mean_reward == 1.0
    assert set(np.unique(trained.agent.replay.action[:500])) == {0, 1, 2}  # kept from 0 on
    trained.policy.save(tmp_path / "policy.safetensors")
    for policy in (trained.policy, load_policy(tmp_path / "policy.safetensors")):
        env = Door()
        obs, _ = env.reset()
        assert env.step(policy(obs))[1] == 1.0
        assert env.step(policy(obs[None])[0])[1] == 1.0
        actions, state = policy.predict(obs[None], state="kept", episode_start=np.ones(1, bool))
        assert env.step(actions[0])[1] == 1.0 and state == "kept"
        assert evaluate(policy, make(Door, 3, 1), 6).mean == 1.0
        assert policy.q(obs[None]).argmax() == 2


def test_a_run_gives_them_too(door: None, tmp_path: Path) -> None:
    """Its videos, greedy evaluations, scores, episodes to watch."""
    run, flags = tmp_path / "run", ["--learning-starts", "64", "--eval-every", "200", "--json"]
    args = [
        "train",
        "dqn",
        "--env",
        "Door-v0",
        "--steps",
        "600",
        "--hidden",
        "8",
        "--num-envs",
        "4",
    ]
    assert main([*args, "--run", str(run), *flags]) == 0
    for policy in ("best", "last"):
        assert main(["evaluate", str(run), "--episodes", "3", "--policy", policy, "--json"]) == 0
    assert main(["watch", str(run), "--json"]) == 0
    obs = np.ones((1, 1), np.float32)
    assert load_policy(run / "checkpoints" / "best.safetensors")(obs).tolist() == [5]


def test_a_policy_file_of_before_counts_from_0(tmp_path: Path) -> None:
    trained = train_door()
    state = trained.policy.state()
    about = state["policy"]
    for name in ("agent", "env", "observation_space", "action_space"):
        del about[name]
    about |= {"shape": [1], "observation_dtype": "float32", "actions": 3}
    checkpoint.save(tmp_path / "old.safetensors", state)
    assert load_policy(tmp_path / "old.safetensors")(np.ones((1, 1), np.float32)).tolist() == [2]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_no_action_is_the_best_where_an_observation_is_no_number(number: float) -> None:
    policy = policy_of(DQNConfig(hidden=(4,)), (2,), actions=3)
    obs = np.ones((4, 2), np.float32)
    obs[2, 1] = number
    for ask in (policy, policy.q):
        with pytest.raises(UserError, match="observation 2 holds NaN or Inf") as caught:
            ask(obs)
        assert "\n" not in str(caught.value)
    assert policy(obs[:2]).shape == (2,)


def test_a_best_policy_of_nan_is_not_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    flags = ["--learning-starts", "64", "--eval-episodes", "2", "--log", "none", "--json"]
    assert main(["train", "dqn", "--run", str(run), "--steps", "128", *flags]) == 0
    best = run / "checkpoints" / "best.safetensors"
    state = checkpoint.load(best)
    state["net"][700] = np.nan
    checkpoint.save(best, state)
    export = ["export", "--format", "npz", "--out", str(tmp_path / "net.npz")]
    for command in (["evaluate"], ["watch"], export):
        capsys.readouterr()
        assert main([command[0], str(run), *command[1:]]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "the parameters of linear1 hold NaN or Inf" in line
    with pytest.raises(UserError, match="linear1 hold NaN or Inf"):
        load_policy(best)
    assert main(["evaluate", str(run), "--policy", "last", "--episodes", "2", "--json"]) == 0


@pytest.mark.parametrize(
    "shape, conv, fine",
    [
        ((3, 12, 10), "minatar", False),
        ((1, 28, 28), "minatar", False),
        ((12, 84, 84), "nature", False),
        ((9, 160, 210), "nature", False),
        ((10, 10, 4), "minatar", True),
        ((10, 10, 10), "minatar", True),
        ((5, 10, 7), "minatar", True),
        ((12, 10, 3), "minatar", True),
        ((84, 84, 4), "nature", True),
        ((24, 80, 2), "minatar", True),
        ((3, 12, 10), None, True),
    ],
)
def test_pictures_with_channels_first_are_not_taken_for_rows(
    shape: tuple[int, ...], conv: str | None, fine: bool
) -> None:
    config = DQNConfig(conv=conv, buffer_size=64, hidden=(4,))
    if fine:
        assert dqn(config, shape, np.uint8).net.input_shape == shape
        return
    with pytest.raises(ValueError, match="channels first.*TransformObservation"):
        dqn(config, shape, np.uint8)


def test_pictures_with_channels_first_are_turned_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class First(Door):
        observation_space = gym.spaces.Box(0, 255, (3, 12, 10), np.uint8)  # type: ignore[assignment]

        def reset(self, **_: Any) -> Any:
            super().reset()
            return self.observation_space.low, {}

        def step(self, action: np.int64) -> Any:
            return self.observation_space.high, *super().step(action)[1:]

    gym.register("First-v0", First, disable_env_checker=True)
    short = ["--steps", "40", "--num-envs", "2", "--eval-episodes", "1", "--log", "none"]
    try:
        args = ["--env", "First-v0", "--conv", "minatar", "--run", str(tmp_path / "run"), *short]
        assert main(["train", "dqn", *args]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any("(3, 12, 10) with its channels moved last, (12, 10, 3)" in x for x in lines)
        kept = load_run(tmp_path / "run")
        assert kept.policy().shape == (12, 10, 3)
        assert kept.policy()(np.zeros((5, 3, 12, 10), np.uint8)).shape == (5,)
        args = [*args[:4], "--run", str(tmp_path / "as"), "--channels", "last", *short]
        assert main(["train", "dqn", *args]) == 0
        assert load_run(tmp_path / "as").policy().shape == (3, 12, 10)
    finally:
        del gym.registry["First-v0"]


@pytest.mark.parametrize("gamma, n", [(0.0, 1), (0.0, 3), (0.9, 1), (1e-30, 3)])
def test_only_ends_for_good_count_as_terminal(gamma: float, n: int) -> None:
    """Episodes that are only cut; and of those that end, whatever γ makes of the discount."""

    class Cut(Door):
        def step(self, action: np.int64) -> Any:
            self.t += 1
            return np.ones(1, np.float32), 1.0, False, self.t == 5, {}

    class Ends(Door):
        def step(self, action: np.int64) -> Any:
            self.t += 1
            return np.ones(1, np.float32), 1.0, self.t == 5, False, {}

    config = replace(CONFIG, gamma=gamma, n_step=n, learning_starts=NEVER)
    for env, wanted in ((Cut, 0.0), (Ends, n / 5)):
        envs = make(env, 4, 1)
        agent = dqn_in(config, envs)
        for _ in task(agent, envs).run(200):
            pass
        assert agent.replay.terminal_fraction() == pytest.approx(wanted)


def test_a_kept_policy_file_of_format_3_loads() -> None:
    """Written before settings were renamed and added (the first generation's last commit)."""
    policy = load_policy(Path(__file__).parent / "data" / "policy-of-format-3.safetensors")
    obs = np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4)
    assert policy.config.ez_mu == 2.0
    written = [
        [5.4828978, 5.1261625], [5.3561382, 5.0418549], [5.2299862, 4.9289818],
        [5.1039190, 4.8120565], [4.9713840, 4.6792498],
    ]  # fmt: skip
    np.testing.assert_allclose(policy.q(obs), written, rtol=1e-6)
    assert policy(obs).tolist() == [0, 0, 0, 0, 0]
