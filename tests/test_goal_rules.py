"""What an environment pays for other goals, whichever way it is made and asked."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import drl
from drl.encoding import Encoder
from drl.environment import goal_rules_of
from drl.errors import EnvFailed, UserError
from envs import make, source
from envs.numpy_env import NumpyEnv
from envs.vectors import Encoded, GymnasiumVector

PLACE = Box(-100, 100, (2,), np.float64)
GOALS = Dict(observation=PLACE, achieved_goal=PLACE, desired_goal=PLACE)


class Walk(gym.Env[Any, Any]):
    """A walk in the plane from 0 to a place 3 steps off; pays for many goals at once."""

    observation_space, action_space = GOALS, Discrete(4)

    def __init__(self) -> None:
        self.at = self.goal = np.zeros(2)

    def seen(self) -> Any:
        return {"observation": self.at, "achieved_goal": self.at, "desired_goal": self.goal}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at, self.steps = np.zeros(2), 0
        self.goal = np.array([3.0, 0.0]) if self.np_random.random() < 0.5 else np.array([0.0, -3.0])
        return self.seen(), {}

    def step(self, action: Any) -> Any:
        self.at = self.at + np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])[int(action)]
        self.steps += 1
        paid = self.compute_reward(self.at, self.goal, {"real": True})
        return self.seen(), paid, bool(paid == 0), self.steps >= 12, {}

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -(np.linalg.norm(achieved - desired, axis=-1) > 0.5).astype(np.float64)


class Ends(Walk):
    def compute_terminated(self, achieved: Any, desired: Any, info: Any) -> Any:
        return np.linalg.norm(achieved - desired, axis=-1) <= 0.5


class OneByOne(Walk):
    """Made for one: of many it raises, or says one thing of all."""

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return 0.0 if achieved[0] == desired[0] and achieved[1] == desired[1] else -1.0

    def compute_terminated(self, achieved: Any, desired: Any, info: Any) -> Any:
        return bool(np.linalg.norm(achieved - desired) <= 0.5)


class Raises(Walk):
    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -1.0 if info["real"] else 0.0


class NotANumber(Walk):
    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -1.0 if info else np.full(len(achieved), np.nan)


class Costly(Walk):
    """What it pays is not by the goals alone."""

    def step(self, action: Any) -> Any:
        seen, paid, *rest = super().step(action)
        return seen, paid - 0.1, *rest


class SideBySide(NumpyEnv):
    """Of the user's own, in one array."""

    action_space: Any = Discrete(2)
    compute_reward, compute_terminated = OneByOne.compute_reward, OneByOne.compute_terminated

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        self.observation_space: Any = GOALS
        super().__init__(num_envs, seed, **settings)

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((2, count))

    def observe(self, rows: np.ndarray) -> Any:
        return dict.fromkeys(GOALS, rows.T)


ACHIEVED = np.array([[0.0, 1.0], [3.0, 0.0], [5.0, 5.0]])
DESIRED = np.array([[0.0, 1.0], [0.0, 3.0], [5.0, 5.0]])


def many_of_gymnasium(num_envs: int) -> Any:
    return SyncVectorEnv([Ends] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)


WORLDS: dict[str, Any] = {
    "many at once": lambda: make(Ends, 2, 0),
    "one by one": lambda: make(OneByOne, 2, 0),
    "around it": lambda: make(lambda: gym.wrappers.TimeLimit(Ends(), 5), 2, 0),
    "in one array": lambda: source(SideBySide)(num_envs=2, seed=0),
    "in processes": lambda: source(Ends)(num_envs=2, seed=0, workers=2),
}


@pytest.mark.parametrize("name", WORLDS)
def test_goals_are_paid_for(name: str) -> None:
    envs = WORLDS[name]()
    rules = goal_rules_of(envs)
    assert rules is not None
    for _ in range(2):  # the second time it is known what it was made for
        reward, over = rules.reward(ACHIEVED, DESIRED), rules.terminated(ACHIEVED, DESIRED)
        assert reward.dtype == np.float64 and reward.tolist() == [0, -1, 0]
        assert over is not None and over.dtype == bool and over.tolist() == [True, False, True]
    envs.close()


def test_environments_of_a_user_s_own_class_are_asked_through_their_encoder() -> None:
    own: Any = Ends()
    own.id = "Own"
    rules = goal_rules_of(Encoded(own, Encoder(GOALS)))
    assert rules is not None and rules.reward(ACHIEVED, DESIRED).tolist() == [0, -1, 0]
    own = gym.make("CartPole-v1")
    own.id = "Own"
    assert goal_rules_of(Encoded(own, Encoder(GOALS))) is None


def test_a_vector_of_gymnasium_s_asks_its_first() -> None:
    rules = goal_rules_of(GymnasiumVector(None, lambda: many_of_gymnasium(2), 2, 0))
    assert rules is not None and rules.reward(ACHIEVED, DESIRED).tolist() == [0, -1, 0]


def test_what_has_none_has_none() -> None:
    assert goal_rules_of(make("CartPole-v1", 1, 0)) is None
    assert goal_rules_of(make("MountainCar-v0", 1, 0)) is None
    rules = goal_rules_of(make(Walk, 1, 0))
    assert rules is not None and rules.terminated(ACHIEVED, DESIRED) is None


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (Raises, r"Raises's compute_reward\(\) failed \(KeyError: 'real' at .*\), with arrays and"),
        (NotANumber, r"NotANumber's compute_reward\(\) gave the reward nan: mend the env"),
    ],
)
def test_answers_that_are_none_are_named(env: type, words: str) -> None:
    rules = goal_rules_of(make(env, 1, 0))
    assert rules is not None
    with pytest.raises(EnvFailed, match=words) as caught:
        rules.reward(ACHIEVED, DESIRED)
    assert "\n" not in str(caught.value)


# -- whole trainings ------------------------------------------------------------------------------
SHORT: dict[str, Any] = {
    "steps": 240, "num_envs": 3, "hidden": (8,), "learning_starts": 60, "eval_every": 240,
    "eval_episodes": 2, "progress": False, "her": True, "log": "none",
}  # fmt: skip


@pytest.mark.parametrize("env", [Ends, OneByOne])
def test_any_goal_environment_trains_and_in_processes_to_the_same_bytes(env: type) -> None:
    here, there = (drl.train("dqn", env, seed=3, env_workers=n, **SHORT) for n in (0, 2))
    assert here.policy.net.params.tobytes() == there.policy.net.params.tobytes()


def test_without_goals_or_with_other_rewards_it_says_so() -> None:
    with pytest.raises(EnvFailed, match=r"compute_reward\(\) gives -1 where a step has paid -1\.1"):
        drl.train("dqn", Costly, **SHORT)
    with pytest.raises(UserError, match=r"Chain-v0: .*needs observations of a Dict"):
        drl.train("dqn", "drl/Chain-v0", **SHORT)


@pytest.mark.parametrize(("agent", "env"), [("dqn", "drl/BitFlip-v0"), ("sac", "drl/Reach-v0")])
def test_who_does_not_ask_for_it_is_told(
    agent: str, env: str, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    from drl.cli.main import main

    words = ["train", agent, "--env", env, "--steps", "64", "--eval-episodes", "1", "--log", "none"]
    for flag in ("--her", "--no-her"):
        assert main([*words, flag, "--run", str(tmp_path / flag)]) == 0
        assert ("the env has goals: with --her" in capsys.readouterr().out) == (flag == "--no-her")


def test_what_was_learnt_of_a_goal_environment_goes_on(tmp_path: Any) -> None:
    drl.train("dqn", Ends, run=tmp_path, **(SHORT | {"log": "minimal"}))
    run = drl.load_run(tmp_path)
    assert run.resume(steps=360).env_steps >= 360
    seen = Ends().reset(seed=1)[0]
    assert run.policy()(seen) in Discrete(4)
