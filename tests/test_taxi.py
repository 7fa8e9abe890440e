"""Taxi, whose info tells which of six actions do something: with its masks, and without."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import drl

SETTINGS: dict[str, Any] = {
    "hidden": (64,), "lr": 2e-3, "num_envs": 8, "gamma": 0.97, "reward_scale": 0.05,
    "learning_starts": 500, "epsilon_steps": 15_000, "epsilon_end": 0.02, "updates_per_step": 0.25,
    "eval_every": 3_000, "eval_episodes": 20, "batch_size": 64, "buffer_size": 50_000,
    "value_bound": None, "progress": False,
}  # fmt: skip


class Seen(gym.ObservationWrapper[np.ndarray, int, int]):
    """The state as a one-hot vector.   masked: what is forbidden fails; else no masks are told."""

    def __init__(self, masked: bool) -> None:
        super().__init__(gym.make("Taxi-v4"))
        self.masked, self.states = masked, np.eye(500, dtype=np.float32)
        self.observation_space = gym.spaces.Box(0, 1, (500,), np.float32)

    def observation(self, observation: int) -> np.ndarray:
        state: np.ndarray = self.states[observation]
        return state

    def reset(self, **how: Any) -> Any:
        obs, info = super().reset(**how)
        return obs, self.told(info)

    def step(self, action: int) -> Any:
        assert not self.masked or self.mask[action], "not allowed"
        *answer, info = super().step(action)
        return *answer, self.told(info)

    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        self.mask = info["action_mask"]
        return info if self.masked else {}


@pytest.mark.filterwarnings("error")  # of a restart
def test_what_taxi_forbids_is_never_done() -> None:
    short = SETTINGS | {"learning_starts": 64, "eval_every": 200, "eval_episodes": 2}
    result = drl.train("dqn", lambda: Seen(True), steps=400, **short)
    assert result.env_steps == 400


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_taxi_is_learnt_sooner_with_masks(seed: int) -> None:
    """At 30,000 env steps: about 8, which is as good as it gets, against about −150."""
    masked, free = (
        drl.train("dqn", lambda told=told: Seen(told), steps=30_000, seed=seed, **SETTINGS)
        for told in (True, False)
    )
    assert masked.mean_reward is not None and masked.mean_reward > 6
    assert free.mean_reward is not None and free.mean_reward < -50
