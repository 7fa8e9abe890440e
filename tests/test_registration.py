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
            final, wanted = leaves(info["final_obs"]), leaves(many.env.observe(after))
            assert all(
                np.array_equal(a[ended], b[ended]) for a, b in zip(final, wanted, strict=True)
            )
    assert ends > 0
    again, _ = many.reset(seed=4)
    other: Any = gym.make_vec(id, 5, vectorization_mode="vector_entry_point")
    fresh, _ = other.reset(seed=4)
    assert all(map(np.array_equal, leaves(again), leaves(fresh)))


def leaves(obs: Any) -> list[np.ndarray]:
    """The arrays of observations, which may be a dict of them."""
    return list(obs.values()) if isinstance(obs, dict) else [obs]


@pytest.mark.parametrize("id", ["drl/Reach-v0", "drl/BitFlip-v0"])
def test_goals_come_as_goals(id: str) -> None:
    """As gymnasium-robotics has them: what is paid is what compute_reward says, for one and for
    many."""
    env: Any = gym.make(id).unwrapped
    obs, _ = env.reset(seed=0)
    for _ in range(40):
        assert obs in env.observation_space
        assert set(obs) == {"observation", "achieved_goal", "desired_goal"}
        obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
        goals = obs["achieved_goal"], obs["desired_goal"]
        assert reward == env.compute_reward(*goals, info)
        assert terminated == env.compute_terminated(*goals, info)
        assert env.compute_reward(*np.stack([goals, goals], axis=1), info).tolist() == [reward] * 2
        if terminated or truncated:
            obs, _ = env.reset()


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
