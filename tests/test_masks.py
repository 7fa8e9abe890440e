"""Which actions are allowed: what an environment says of it reaches whoever asks."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from drl.errors import EnvFailed
from envs import NumpyEnv, make
from envs.gymnasium_env import GymVector
from envs.repeat import find_way


class Corridor(gym.Env[np.ndarray, int]):
    """Cells 0 … 3; action 2 is right, 1 left; left is not allowed at 0.  Ends at 3."""

    observation_space = Box(0, 3, (1,), np.float32)
    action_space = Discrete(3, start=0)
    told = "info"

    def answer(self) -> Any:
        info = {"action_mask": self.mask()} if self.told == "info" else {}
        return np.array([self.x], np.float32), info

    def mask(self) -> Any:
        return np.array([1, self.x > 0, 1], np.int8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x = 0
        return self.answer()

    def step(self, action: int) -> Any:
        assert self.mask()[action], "not allowed"
        self.x += {0: 0, 1: -1, 2: 1}[action]
        obs, info = self.answer()
        return obs, 0.0, self.x == 3, False, info


class Asked(Corridor):
    told = "asked"

    def action_masks(self) -> np.ndarray:
        return self.mask().astype(bool)


FREE, WALL = [True, True, True], [True, False, True]


@pytest.mark.parametrize(
    "build",
    [Corridor, Asked, lambda: gym.wrappers.TimeLimit(Asked(), 99)],
    ids=["info", "asked", "wrapped"],
)
def test_masks_are_those_of_the_observations(build: Any) -> None:
    envs = make(build, 2, 0)
    _, info = envs.reset()
    assert info.keys() == {"action_mask"} and info["action_mask"].dtype == np.bool_
    assert info["action_mask"].tolist() == [WALL, WALL]
    one = envs.step(np.array([2, 0])).info
    assert one.keys() == {"action_mask"} and one["action_mask"].tolist() == [FREE, WALL]
    envs.step(np.array([2, 0]))
    ended = envs.step(np.array([2, 2]))  # the first ends at 3, and begins anew at 0
    assert ended.terminated.tolist() == [True, False]
    assert ended.info["action_mask"].tolist() == [WALL, FREE]
    assert ended.info["final_action_mask"].tolist() == [FREE, FREE]
    assert one["action_mask"].tolist() == [FREE, WALL]  # still
    assert envs.step(np.array([0, 0])).info.keys() == {"action_mask"}


def test_without_masks_there_is_no_info() -> None:
    envs = make("Acrobot-v1", 2, 0)
    assert envs.reset()[1] == {} == envs.step(np.zeros(2, int)).info
    envs = make("CartPole-v1", 2, 0)
    assert envs.reset()[1] == {} == envs.step(np.zeros(2, int)).info


def test_what_only_some_tell_is_left_out() -> None:
    builds = iter([Corridor, type("Silent", (Corridor,), {"told": "nothing"})])
    envs = make(lambda: next(builds)(), 2, 0)
    assert envs.reset()[1] == {} == envs.step(np.zeros(2, int)).info


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (lambda self: np.ones(2, bool), r"bool of shape \(2,\) as an action mask; expected 3"),
        (lambda self: np.array([0.5, 1, 1]), "float64 of shape"),
        (lambda self: np.array([2, 1, 1]), "expected 3 of 0 and 1"),
        (lambda self: np.zeros(3, bool), "allows nothing"),
    ],
)
def test_a_wrong_mask_is_named(mask: Any, words: str) -> None:
    envs = make(type("Odd", (Corridor,), {"mask": mask}), 1, 0)
    with pytest.raises(EnvFailed, match=rf"Odd \(environment 0\) gave .*{words}"):
        envs.reset()


def test_a_mask_that_stops_coming_is_named() -> None:
    class Stops(Corridor):
        def step(self, action: int) -> Any:
            return *super().step(action)[:4], {}

    envs = make(Stops, 1, 0)
    envs.reset()
    with pytest.raises(EnvFailed, match="gave no action mask in a step"):
        envs.step(np.zeros(1, int))


def test_episodes_are_tried_with_allowed_actions() -> None:
    """Corridor fails where an action is not allowed; then nothing would be found out."""
    envs = GymVector(None, 1, 0, Corridor)
    tried: list[int] = []

    class Noted(Corridor):
        def step(self, action: int) -> Any:
            tried.append(action)
            return super().step(action)

    envs.build = Noted
    assert find_way(envs._made, envs._empty(), 0) == "generator"
    assert len(tried) > 100 and set(tried) == {0, 1, 2}


class Wall(NumpyEnv):
    """The same, all N at once."""

    observation_space = Box(0, 3, (1,), np.float32)
    action_space = Discrete(3)

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        moved = rows + np.array([0, -1, 1])[actions]
        return moved, np.zeros(self.num_envs), moved[0] == 3

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)

    def action_masks(self, rows: np.ndarray) -> np.ndarray:
        free = np.ones(rows.shape[1], bool)
        return np.stack([free, rows[0] > 0, free], axis=1)


def test_a_vectorised_env_tells_the_same() -> None:
    one, many = make(Corridor, 2, 0), Wall(num_envs=2)
    infos = [(one.reset()[1], many.reset()[1])]
    for actions in ([2, 0], [2, 2], [2, 1], [0, 2], [2, 2]):
        infos.append((one.step(np.array(actions)).info, many.step(np.array(actions)).info))
    for theirs, ours in infos:
        assert theirs.keys() == ours.keys()
        assert all(np.array_equal(theirs[name], ours[name]) for name in ours)
    assert "final_action_mask" in infos[3][1]


def test_a_wrong_mask_of_a_vectorised_env_is_named() -> None:
    class Wrong(Wall):
        def action_masks(self, rows: np.ndarray) -> np.ndarray:
            return super().action_masks(rows).astype(int)

    with pytest.raises(EnvFailed, match="Wrong gave int64 .* as action masks; expected bool"):
        Wrong(num_envs=2).reset()
