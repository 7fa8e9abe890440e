"""NaN and Inf of an environment are named by the environment, the part of the observation, and the
place in it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Tuple

from drl.encoding import Encoder, not_finite
from drl.errors import EnvFailed
from envs import NumpyEnv, make
from envs.sources import source

SPACE = Dict(
    at=Box(-9, 9, (2, 2), np.float32), camera=Box(0, 1, (4, 4, 1), np.float32), goal=Discrete(3)
)


class Seen(gym.Env[Any, Any]):
    """Which of its numbers is none after a step, is set."""

    observation_space: Any = SPACE
    action_space: Any = Discrete(2)
    wrong: Any = None  # (part, place, value)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.seen(), {}

    def seen(self) -> Any:
        return {"at": np.zeros((2, 2)), "camera": np.zeros((4, 4, 1)), "goal": 1}

    def step(self, action: Any) -> Any:
        seen = self.seen()
        if action:
            part, place, value = self.wrong
            seen[part][place] = value
        return seen, 0.0, False, False, {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("at", (1, 0), np.nan), "at[2] is nan"),  # as it is delivered: in a row
        (("camera", (1, 2, 0), np.inf), "camera[1, 2, 0] is inf"),
        (("at", (0, 1), -np.inf), "at[1] is -inf"),
    ],
)
def test_of_one_among_several(wrong: Any, said: str) -> None:
    envs = make(type("Told", (Seen,), {"wrong": wrong}), 3, 0)
    envs.reset()
    with pytest.raises(EnvFailed) as error:
        envs.step(np.array([0, 0, 1]))
    assert str(error.value) == (
        f"Told (environment 2) gave NaN or Inf in an observation ({said}): mend the env"
    )


def test_of_several_in_one_array() -> None:
    """Of a class of the user's own, side by side."""

    class Rows(NumpyEnv):
        observation_space: Any = Dict(at=Box(-9, 9, (2,), np.float32), goal=Discrete(3))
        action_space: Any = Discrete(2)

        def initial(self, count: int) -> np.ndarray:
            return np.zeros((2, count))

        def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
            rows[1] = np.where(actions, np.nan, 0)
            return rows, np.zeros(rows.shape[1]), np.zeros(rows.shape[1], bool)

        def observe(self, rows: np.ndarray) -> Any:
            return {"at": rows.T.copy(), "goal": np.ones(rows.shape[1], np.int64)}

    envs = source(Rows)(num_envs=3, seed=0)
    envs.reset()
    with pytest.raises(EnvFailed, match=r"Rows \(environment 1\) gave NaN .* \(at\[1\] is nan\)"):
        envs.step(np.array([0, 1, 0]))


def test_the_place_of_a_number() -> None:
    pair = Encoder(Tuple([Box(-1, 1, (), np.float32), Box(-1, 1, (2,), np.float32)]))
    rows = np.zeros((2, *pair.space.shape), np.float32)
    assert not_finite(rows, pair) is None
    rows[1, 2] = np.nan
    assert not_finite(rows, pair) == (1, "1[1] is nan")
    one = Encoder(Box(-1, 1, (), np.float32))
    assert not_finite(np.full((1, 1), np.inf, np.float32), one) == (0, "number 0 is inf")
    picture = np.zeros((1, 4, 4, 1))
    picture[0, 3, 1, 0] = np.nan
    assert not_finite(picture) == (0, "number [3, 1, 0] is nan")
    assert not_finite(np.zeros((1, 4), np.uint8)) is None
