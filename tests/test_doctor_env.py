"""The doctor on environments: what is wrong is found, what would help is advised, in one line."""

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import drl
from drl.api.findings import Report
from drl.cli.main import main
from envs import NumpyEnv


class Fine(gym.Env[np.ndarray, np.int64]):
    """Ten steps of noise, seeded as it should be.  What is wrong with the others is theirs."""

    observation_space: Any = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space: Any = gym.spaces.Discrete(3)
    reward, length = 0.1, 10
    steps = 0

    def observed(self) -> Any:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.observed(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.observed(), self.reward, self.steps == self.length, False, {}


class Endless(Fine):
    length = -1


class NotANumber(Fine):
    def observed(self) -> Any:
        return super().observed() * np.float32(np.nan if self.steps == 7 else 1)


class Raises(Fine):
    def step(self, action: Any) -> Any:
        if self.steps == 5:
            raise RuntimeError("the simulator is gone")
        return super().step(action)


class OldStep(Fine):
    def step(self, action: Any) -> Any:
        return super().step(action)[:4]


class Wrong(Fine):
    """Shape."""

    def observed(self) -> Any:
        return np.zeros(3, np.float32)


class OneBuffer(Fine):
    buffer = np.zeros(2, np.float32)

    def observed(self) -> Any:
        self.buffer[:] = super().observed()
        return self.buffer


class Unseeded(Fine):
    def observed(self) -> Any:
        return np.random.default_rng().uniform(-1, 1, 2).astype(np.float32)


class Large(Fine):
    observation_space = gym.spaces.Box(-1e6, 1e6, (2,), np.float32)
    reward = 200.0

    def observed(self) -> Any:
        return super().observed() * np.array([1000, 0.1], np.float32)


class Beyond(Fine):
    """After some steps, which Gymnasium's checker does not see."""

    observation_space = gym.spaces.Box(-0.5, 0.5, (2,), np.float32)

    def observed(self) -> Any:
        return super().observed() * np.float32(0.5 if self.steps < 6 else 1)


class Unpaid(Fine):
    reward = 0.0


class Unclosed(Fine):
    def close(self) -> None:
        raise RuntimeError("the port is gone")


def unmade() -> Any:
    raise RuntimeError("no port")


class Masked(Fine):
    """Raises where a mask is not kept."""

    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0], {"action_mask": np.array([1, 0, 0], np.int8)}

    def step(self, action: Any) -> Any:
        assert action == 0
        return *super().step(action)[:4], {"action_mask": np.array([1, 0, 0], np.int8)}


class SideBySide(NumpyEnv):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    time_limit = 5

    def initial(self, count: int) -> np.ndarray:
        return self.rng.uniform(-1, 1, (2, count))

    def advance(self, rows: Any, actions: np.ndarray) -> Any:
        return -rows, np.ones(self.num_envs), np.full(self.num_envs, False)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)


class Stale(SideBySide):
    """Breaks the contract: later steps write into what earlier ones gave."""

    def step(self, actions: np.ndarray) -> Any:
        step = super().step(actions)
        self.kept = getattr(self, "kept", np.empty_like(step.obs))
        self.kept[:] = step.obs
        return step._replace(obs=self.kept)


def of(report: Report, name: str) -> Any:
    (found,) = [finding for finding in report.findings if finding.name == name]
    return found


def test_nothing_is_wrong_with_a_good_one() -> None:
    report = drl.doctor(Fine)
    assert [finding.mark for finding in report.findings] == ["ok"] * len(report.findings)
    names = [finding.name for finding in report.findings]
    assert {"spaces", "Gymnasium's checker", "speed", "repeats by replay"} <= set(names)
    assert "300 episodes, 10 steps on average" in of(report, "episodes' ends").text
    assert "Box(-1 … 1, (2,), float32) → Discrete(3)" in of(report, "spaces").text


def test_an_encoded_one_is_told_of_as_it_is() -> None:
    report = drl.doctor("FrozenLake-v1")
    assert of(report, "spaces").text.startswith("Discrete(16) → Discrete(4)")
    text = of(report, "observations").text
    assert text == "Discrete(16) one-hot, 16; 16 of 16 met in random play"


BROKEN = {  # what breaks the API → words
    NotANumber: "NaN or Inf in an observation",
    Raises: "the simulator is gone",
    OldStep: "4 values in a step, the old Gym API",
    Wrong: "shape (3,)",
    unmade: "failed when it was made (RuntimeError: no port at ",
    Stale: "give fresh arrays",
}


@pytest.mark.parametrize("env", BROKEN)
def test_what_breaks_the_api_fails(env: Any) -> None:
    report = drl.doctor(env)
    texts = [finding.text for finding in report.findings if finding.mark == "fail"]
    assert report.failed and any(BROKEN[env] in text for text in texts), str(report)
    assert all("\n" not in text for text in texts)


ADVISED = {  # what works, and may be better → what is looked at, words
    Endless: ("episodes' ends", "give it a time limit"),
    OneBuffer: ("fresh arrays", "they are copied here"),
    Unseeded: ("repeats by seed", "draw everything random from self.np_random"),
    Large: (
        "observations",
        "use `normalise_obs`, or give `scale`, factors that bring them to about ±1: 0.001 10",
    ),
    Beyond: ("observations", "outside their space"),
    Unclosed: ("close()", "the port is gone"),
    Unpaid: ("rewards", "chance alone may never find one"),
}


@pytest.mark.parametrize("env", ADVISED)
def test_what_may_be_better_is_advised(env: Any) -> None:
    report = drl.doctor(env)
    name, words = ADVISED[env]
    assert not report.failed and of(report, name).mark == "look", str(report)
    assert words in of(report, name).text


def test_the_scale_of_rewards_is_what_the_returns_come_to() -> None:
    text = of(drl.doctor(Large), "rewards").text
    assert "200 … 200 a step, discounted returns to 1.91e+03" in text
    assert "`reward_scale=0.0005` brings values to about ±1, or `normalise_reward`" in text


def test_what_does_not_repeat_cannot_be_resumed_exactly() -> None:
    found = of(drl.doctor(Unseeded), "repeats by replay")
    assert found.mark == "look" and "begins new episodes" in found.text


def test_what_is_too_slow_to_be_tried_is_not_called_repeatable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("envs.repeat.WAITING", 0.0)
    found = of(drl.doctor(Fine), "repeats by replay")
    assert found.mark == "look" and "too slow" in found.text


def test_masks_are_kept_and_told() -> None:
    report = drl.doctor(Masked)
    assert "33% of actions allowed" in of(report, "action masks").text
    checked = of(report, "Gymnasium's checker")  # which knows no masks
    assert not report.failed and "it takes actions that masks forbid" in checked.text


def test_environments_side_by_side() -> None:
    report = drl.doctor(SideBySide)
    assert [finding.mark for finding in report.findings] == ["ok"] * len(report.findings)
    assert "saves its own state" in of(report, "repeats by replay").text


def test_one_that_is_made_already_is_not_made_again() -> None:
    with pytest.warns(UserWarning, match="this one env is used itself"):
        report = drl.doctor(Fine())
    assert not report.failed
    assert not any("repeats" in finding.name for finding in report.findings)


def normalised(name: str) -> Any:
    def build() -> Any:
        return getattr(gym.wrappers, name)(Fine())

    return build


WRAPPERS = {
    "NormalizeObservation": ("normalises observations", "use `normalise_obs` in its place"),
    "NormalizeReward": ("normalises rewards", "use `normalise_reward` in its place"),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_with_statistics_of_its_own_is_warned_of(name: str) -> None:
    report = drl.doctor(normalised(name))
    found, (what, use) = of(report, "wrappers"), WRAPPERS[name]
    assert found.mark == "look" and what in found.text and "score wrongly" in found.text
    assert use in found.text
    with pytest.warns(drl.TrainingWarning, match=f"{name} {what} by statistics"):
        drl.train("dqn", normalised(name), steps=32, learning_starts=16, progress=False)
    with pytest.warns(drl.TrainingWarning, match=f"{name} {what} by statistics"):
        drl.train(
            "dqn", normalised(name), steps=32, learning_starts=16, num_envs=2, env_workers=2,
            progress=False,
        )  # fmt: skip


def test_the_command(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_env.py").write_text(
        "from test_doctor_env import *\nclass Mine(Endless):\n"
        "    def __init__(self, pay=1.0):\n        self.reward = pay\n"
    )
    args = ["doctor", "--env", "my_env.py:Mine", "--env-kwargs", "pay=200"]
    wrapper = ["--wrapper", "gymnasium.wrappers:NormalizeObservation"]
    assert main([*args, *wrapper]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("NormalizeObservation" in line and "--" in line for line in lines)
    assert any("200 … 200 a step" in line and "--reward-scale " in line for line in lines)
    assert main(["doctor", "--env", "my_env.py:OldStep", "--json"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 and json.loads(out[0])["failed"]
    assert main(["doctor", "--env", "Nothing-v0"]) == 2
    assert main(["doctor", "--wrapper", "gymnasium.wrappers:NormalizeReward"]) == 2
    assert "give --env" in capsys.readouterr().err
