"""Agents and trainings for tests, in few words."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from agents import DQN, DQNConfig, Parts, Setup, build_dqn
from drl.environment import Step


def setup(
    shape: tuple[int, ...], dtype: Any = np.float32, actions: int = 2, first: int = 0,
    num_envs: int = 1, **more: Any,
) -> Setup:  # fmt: skip
    """Of environments with such observations and actions."""
    kind = np.dtype(dtype).kind
    low, high = (-np.inf, np.inf) if kind == "f" else (0, 1 if kind == "b" else 255)
    seen = Box(low, high, shape, np.dtype(dtype).type)
    return Setup(seen, Discrete(actions, start=first), num_envs, **more)


def dqn(
    config: DQNConfig, shape: tuple[int, ...], dtype: Any = np.float32, actions: int = 2,
    seed: int = 1, num_envs: int = 1, parts: Parts = Parts(), **more: Any,
) -> DQN:  # fmt: skip
    """A DQN in such environments."""
    about = setup(shape, dtype, actions, num_envs=num_envs, seed=seed, **more)
    return build_dqn(config, about, parts)


def step(
    reward: Any, terminated: Any, truncated: Any, next_obs: np.ndarray, obs: Any = None
) -> Step:
    """One step of N environments, for `agent.observe(obs, action, step)`."""
    ends = np.asarray(terminated, bool), np.asarray(truncated, bool)
    shown = next_obs if obs is None else obs
    return Step(shown, np.asarray(reward, float), *ends, next_obs)
