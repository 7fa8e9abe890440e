"""Our environments through Gymnasium's doors."""

import subprocess
import sys
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from drl.errors import UserError
from envs.registration import IDS

# those of tests/test_probes.py aside
each = pytest.mark.parametrize("id", [id for id in IDS if "Probe" not in id])


@each
def test_gymnasiums_own_checker(id: str) -> None:
    """Warnings are errors here, but for the one that Gymnasium's own Pendulum gets too."""
    with warnings.catch_warnings():
        if id == "drl/Pendulum-v1":
            warnings.filterwarnings("ignore", ".*symmetric and normalized space", UserWarning)
        check_env(gym.make(id).unwrapped)


@each
def test_many_are_the_single_one_many_times(id: str) -> None:
    """The vector's final observations and resets, against rules that any env keeps."""
    many: Any = gym.make_vec(id, 5, vectorization_mode="vector_entry_point")
    many.env.time_limit = min(many.env.time_limit, 50)
    obs, _ = many.reset(seed=4)
    many.action_space.seed(0)
    ends = 0
    for _ in range(120):
        assert obs in many.observation_space
        before = many.env.rows.copy()
        actions = many.action_space.sample()
        obs, reward, terminated, truncated, info = many.step(actions)
        ended = terminated | truncated
        after, paid, over = many.env.advance(before, actions)
        assert np.array_equal(reward, paid) and np.array_equal(terminated, over)
        if ended.any():
            ends += int(ended.sum())
            assert np.array_equal(info["_final_obs"], ended)
            assert np.array_equal(info["final_obs"][ended], many.env.observe(after)[ended])
    assert ends > 0
    again, _ = many.reset(seed=4)
    other: Any = gym.make_vec(id, 5, vectorization_mode="vector_entry_point")
    assert np.array_equal(again, other.reset(seed=4)[0])


def test_a_picture_where_there_is_one() -> None:
    env = gym.make("drl/Catch-v0", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (320, 160, 3)
    chain: Any = gym.make("drl/Chain-v0")
    assert chain.metadata["render_modes"] == []
    with pytest.raises(UserError, match="draws no images"):
        chain.unwrapped.env.render()


@pytest.mark.parametrize(
    "first", ["import envs, gymnasium", "import gymnasium, envs", "from envs.catch import Catch"]
)
def test_importing_envs_is_enough(first: str) -> None:
    """In either order, and where an environment's own file is what imports Gymnasium."""
    program = f"{first}\nimport gymnasium\nprint(gymnasium.make('drl/Catch-v0').spec.id)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("drl/Catch-v0\n", "")
