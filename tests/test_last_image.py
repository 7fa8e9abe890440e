"""A video shows how an episode ends, though the environment is reset within that step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from agents.video import video
from drl.environment import LastImage
from drl.errors import UserError
from envs import NumpyEnv, make, source


def look(t: float) -> np.ndarray:
    return np.full((4, 4, 3), t, np.uint8)


class One(gym.Env[np.ndarray, int]):
    """Its picture is the time; it ends at 3."""

    observation_space, action_space = Box(0, 9, (1,), np.float32), Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.t = render_mode, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> Any:
        self.t += 1
        return np.full(1, self.t, np.float32), 1.0, self.t == 3, False, {}

    def render(self) -> Any:
        return look(self.t)


class Shy(One):
    """It cannot be drawn where it has ended."""

    def render(self) -> Any:
        assert self.t < 3
        return super().render()


class Many(NumpyEnv):
    observation_space, action_space = Box(0, 9, (1,), np.float32), Discrete(2)
    time_limit = 3

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        return rows + 1, np.ones(rows.shape[1]), np.zeros(rows.shape[1], bool)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)

    def render(self) -> np.ndarray:
        return look(self.rows[0, 0])


class Parted(Many):
    """Its observations are encoded."""

    observation_space = Dict({"t": Box(0, 9, (1,), np.float32)})

    def observe(self, rows: np.ndarray) -> Any:
        return {"t": rows.T.astype(np.float32)}


def still(obs: np.ndarray) -> np.ndarray:
    return np.zeros(len(obs), np.int64)


@pytest.mark.parametrize(("env", "seen"), [(One, [0, 1, 2, 3]), (Many, [0, 1, 2, 3]),
                                           (Parted, [0, 1, 2, 3]), (Shy, [0, 1, 2])])  # fmt: skip
def test_the_last_image_is_of_the_end(env: Any, seen: list[int]) -> None:
    assert video(source(env), still, 1).frames[:, 0, 0, 0].tolist() == seen


def test_it_is_environment_0s() -> None:
    """Two of them, of which the second ends first."""
    envs = source(Many)(num_envs=2, seed=1)
    last = LastImage(envs, envs.render)
    envs.reset()
    envs.rows[0, 1] = 5.0  # type: ignore[attr-defined]
    envs.elapsed[1] = 2  # type: ignore[attr-defined]
    envs.step(np.zeros(2, np.int64))
    assert not last.images
    envs.step(np.zeros(2, np.int64))
    envs.step(np.zeros(2, np.int64))
    assert last.images[0][0, 0, 0] == 3 and envs.render()[0, 0, 0] == 0


def test_cartpole_has_fallen() -> None:
    """12 degrees and more: the last sketch is that of the state that ended it."""
    shown = video(source("CartPole-v1"), still, 3)
    env: Any = make("CartPole-v1", 1, 3)
    env.reset()
    for _ in range(shown.length - 1):
        env.step(np.zeros(1, np.int64))
    moved, _, ended = env.advance(env.rows, np.zeros(1, np.int64))
    env.rows = moved
    assert ended[0] and np.array_equal(shown.frames[-1], env.sketch())


def test_minatar_shows_the_board_that_ended() -> None:
    pytest.importorskip("minatar")
    env: Any = make("MinAtar/Breakout-v1", 1, 3)
    last = LastImage(env, env.render)
    env.reset()
    ended = False
    while not ended:
        step = env.step(np.zeros(1, np.int64))
        ended = bool(step.terminated[0])
    fresh = env.render()
    assert last.images and not np.array_equal(last.images[0], fresh)


def test_what_has_no_such_moment_is_left_alone() -> None:
    class Foreign:
        __slots__ = ()

    assert LastImage(Foreign(), lambda: look(0)).images == []  # type: ignore[arg-type]


def test_what_cannot_be_drawn_at_all_still_says_so() -> None:
    class Blind(Many):
        def render(self) -> np.ndarray:
            raise UserError("no")

    with pytest.raises(UserError, match="no"):
        video(source(Blind), still, 1)
