"""Agents and trainings for tests, in few words."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from agents import (
    DQN,
    DQNConfig,
    DQNPolicy,
    ExperimentConfig,
    Parts,
    RLTask,
    Setup,
    build_dqn,
)
from agents.agent import Agent
from agents.job import setup_of
from drl.environment import EnvFactory, Step, VectorEnv

OURS = Parts()  # nothing of the user's own
NEVER = 2**40  # env steps before the first update


def setup(
    shape: tuple[int, ...], dtype: Any = np.float32, actions: int = 2, first: int = 0,
    num_envs: int = 1, precision: str = "float32", **more: Any,
) -> Setup:  # fmt: skip
    """Of environments with such observations and actions.   precision: of the network."""
    kind = np.dtype(dtype).kind
    low, high = (-np.inf, np.inf) if kind == "f" else (0, 1 if kind == "b" else 255)
    seen = Box(low, high, shape, np.dtype(dtype).type)
    return Setup(seen, Discrete(actions, start=first), num_envs, dtype=precision, **more)


def dqn(
    config: DQNConfig, shape: tuple[int, ...], dtype: Any = np.float32, actions: int = 2,
    seed: int = 1, num_envs: int = 1, parts: Parts = OURS, **more: Any,
) -> DQN:  # fmt: skip
    """A DQN in such environments."""
    about = setup(shape, dtype, actions, num_envs=num_envs, seed=seed, **more)
    return build_dqn(config, about, parts)


def policy(
    config: DQNConfig, shape: tuple[int, ...], dtype: Any = np.float32, actions: int = 2,
    parts: Parts = OURS, **more: Any,
) -> DQNPolicy:  # fmt: skip
    """What a DQN in such environments has before it has learnt."""
    return dqn(config, shape, dtype, actions, parts=parts, **more).policy()


def dqn_in(config: DQNConfig, envs: VectorEnv, seed: int = 1, **experiment: Any) -> DQN:
    """A DQN in these environments."""
    about = ExperimentConfig(seed=seed, num_envs=envs.num_envs, **experiment)
    return build_dqn(config, setup_of(envs, about, None))


def task(
    agent: Agent, envs: VectorEnv, factory: EnvFactory | None = None, **experiment: Any
) -> RLTask:
    """An agent in these environments; `experiment` are settings of agents.ExperimentConfig."""
    config = ExperimentConfig(num_envs=envs.num_envs, **experiment)

    def none(*, num_envs: int, seed: int, drawn: bool = False) -> VectorEnv:
        raise AssertionError("no more environments than these")

    return RLTask(agent, envs, factory or none, config)


def step(
    reward: Any, terminated: Any, truncated: Any, next_obs: np.ndarray, obs: Any = None
) -> Step:
    """One step of N environments, for `agent.observe(obs, action, step)`."""
    ends = np.asarray(terminated, bool), np.asarray(truncated, bool)
    shown = next_obs if obs is None else obs
    return Step(shown, np.asarray(reward, float), *ends, next_obs)
