"""Whether episodes were a success, of environments that say it: read, summed up, told."""

import csv
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

import drl
from agents.episodes import Episodes
from agents.evaluation import Evaluation, evaluate
from drl.cli.main import main
from drl.environment import Step, VectorEnv
from envs import success
from envs.bit_flip import BitFlip
from envs.sources import source
from envs.vectors import GymnasiumVector

FILE = f"{__file__}:Aim"


class Aim(gym.Env[Any, Any]):
    """Three steps; a success where the last action was 1."""

    observation_space, action_space = Box(0, 9, (1,), np.float32), Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.t += 1
        info = {"is_success": self.says(bool(action == 1))}
        return np.full(1, self.t, np.float32), float(action), self.t == 3, False, info

    def says(self, good: bool) -> Any:
        return good


class Odd(Aim):
    """What is no number from 0 to 1 says nothing."""

    def says(self, good: bool) -> Any:
        return "yes" if good else None


class Stopped(Aim):
    """By the first 1."""

    def step(self, action: Any) -> Any:
        obs, reward, _, cut, info = super().step(action)
        return np.minimum(obs, 9), reward, bool(action == 1), cut, info


class Endless(Aim):
    def step(self, action: Any) -> Any:
        obs, reward, over, _, info = super().step(action)
        return np.minimum(obs, 9), reward, over and action == 1, False, info


def steps(envs: VectorEnv, actions: list[list[int]]) -> list[Any]:
    envs.reset()
    found = [envs.step(np.array(each)).success for each in actions]
    envs.close()
    return [None if row is None else row.tolist() for row in found]


def test_it_is_read_where_episodes_end() -> None:
    one, other, *_ = ends = steps(source(Aim)(num_envs=2, seed=0), [[1, 0], [1, 0], [1, 0], [0, 1]])
    assert one is other is None and ends[2] == [1.0, 0.0] and ends[3] is None
    assert steps(source(Odd)(num_envs=2, seed=0), 3 * [[1, 0]]) == [None] * 3


def test_of_environments_in_processes() -> None:
    """Of which one has ended, the other has not."""
    envs: Any = source(f"{__file__}:Stopped")
    found = steps(envs(num_envs=2, seed=0, workers=2), [[0, 0], [1, 0], [1, 1]])
    assert found[0] is None and found[2] == [1, 1]
    assert found[1][0] == 1 and np.isnan(found[1][1])


def test_of_infos_as_gymnasium_batches_them() -> None:
    ended = np.array([True, True, False])
    said = {
        "is_success": np.array([True, False, True]),
        "_is_success": np.array([True, False, True]),
    }
    found = success.of_all(said, ended)["is_success"]
    assert found[0] == 1 and np.isnan(found[1:]).all()
    for nothing in ({}, {"is_success": True}, {"is_success": np.array(["a", "b", "c"])}, None):
        assert success.of_all(nothing, ended) == {}


def vectors(num_envs: int) -> Any:
    mode = gym.vector.AutoresetMode.SAME_STEP
    return gym.vector.SyncVectorEnv([Aim] * num_envs, autoreset_mode=mode)


def test_of_gymnasium_s_vectors() -> None:
    envs = GymnasiumVector(None, lambda: vectors(2), 2, 0)
    assert steps(envs, 3 * [[1, 0]]) == [None, None, [1.0, 0.0]]


def test_ours_say_it_here_and_through_gymnasium() -> None:
    envs = BitFlip(6, 1, bits=2)
    envs.reset()
    for _ in range(8):
        step = envs.step(np.zeros(6, np.int64))
        ended = step.terminated | step.truncated
        assert (step.success is not None) == ended.any()
        if step.success is not None:
            assert np.array_equal(step.success[ended] == 1, step.terminated[ended])
            assert np.isnan(step.success[~ended]).all()
    env: Any = gym.make("drl/Reach-v0")
    _, _ = env.reset(seed=1)
    over, told = False, []
    while not over:
        _, _, reached, cut, info = env.step(np.zeros(2, np.float32))
        over = reached or cut
        told.append(info.get("is_success"))
    assert told == [None] * 49 + [False]
    vector: Any = gym.make_vec("drl/Reach-v0", num_envs=3)
    vector.reset(seed=1)
    for _ in range(50):
        info = vector.step(np.zeros((3, 2), np.float32))[-1]
    assert "is_success" not in info and info["final_info"]["is_success"].tolist() == [False] * 3


def test_an_evaluation_has_its_share() -> None:
    def play(env: Any, act: Any, episodes: int, **more: Any) -> Evaluation:
        envs = source(env)(num_envs=2, seed=0)
        try:
            return evaluate(lambda obs: act(len(obs)), envs, episodes, **more)
        finally:
            envs.close()

    half = play(Aim, lambda n: np.arange(n) % 2, 6)
    assert half.success_rate == 0.5 and half.successes is not None and len(half.successes) == 6
    assert play("drl/Chain-v0", lambda n: np.zeros(n, int), 2).success_rate is None
    with pytest.warns(UserWarning, match="no end within"):  # which is none
        cut = play(Endless, lambda n: np.arange(n) % 2, 2, max_steps=3)
    assert cut.success_rate == 0.5


def test_curves_evaluate_and_a_resumed_run(tmp_path: Path, capsys: Any) -> None:
    run = tmp_path / "run"
    flags = ["--env", FILE, "--num-envs", "2", "--learning-starts", "8", "--hidden", "4",
             "--eval-every", "30", "--eval-episodes", "2", "--log-every", "30",
             "--checkpoint-every", "50", "--log-to", "csv"]  # fmt: skip
    assert main(["train", "dqn", "--run", str(run), "--steps", "90", *flags]) == 0
    with (run / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    training = [float(row["rollout/success_rate"]) for row in rows if row["rollout/success_rate"]]
    greedy = [float(row["eval/success_rate"]) for row in rows if row["eval/success_rate"]]
    assert training and all(0 <= rate <= 1 for rate in training)
    assert len(greedy) == 3 and all(rate in (0, 0.5, 1) for rate in greedy)
    assert drl.load_run(run).verify("checkpoint").same
    capsys.readouterr()
    assert main(["evaluate", str(run), "--episodes", "4"]) == 0
    assert "success      " in capsys.readouterr().out
    assert main(["evaluate", str(run), "--episodes", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["success_rate"] in (0, 1)


def test_nothing_is_told_where_nothing_says_it(tmp_path: Path, capsys: Any) -> None:
    run = tmp_path / "run"
    flags = ["--env", "drl/Chain-v0", "--steps", "600", "--eval-every", "300", "--log-to", "csv"]
    assert main(["train", "dqn", "--run", str(run), *flags]) == 0
    assert "success" not in (run / "progress.csv").read_text()
    capsys.readouterr()
    assert main(["evaluate", str(run), "--episodes", "2"]) == 0
    assert "success" not in capsys.readouterr().out


def test_the_newest_hundred_that_say_it() -> None:
    episodes, yes = Episodes(2), np.ones(2, bool)
    for n in range(120):
        said = np.array([float(n >= 60), np.nan])
        episodes.add(Step(yes, yes * 1.0, yes, ~yes, yes, {"is_success": said}))
    assert len(episodes.successes) == 100 and sum(episodes.successes) == 60
    again = Episodes(2)
    again.load_state(episodes.state())
    assert again.successes == episodes.successes
    older = episodes.state()
    del older["recent_successes"]
    again.load_state(older)
    assert not again.successes
