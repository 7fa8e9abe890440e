"""A training from its settings: one path for `train` and for `drl train dqn`."""

from __future__ import annotations

from typing import Protocol

from agents.build import Parts, build_dqn, env_seed, seeds
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.training import VectorEnv
from drl.errors import UserError
from drl.state import seed_shared, seed_torch


class DescribedEnv(VectorEnv, Protocol):
    """Environments that say what they are, and not only move (envs.VectorEnv)."""

    id: str
    observation_shape: tuple[int, ...]
    observation_dtype: type
    actions: int
    stack: int
    reward_range: tuple[float, float] | None
    restarts: list[str]

    def close(self) -> None:
        """Free what they hold."""


class Worlds(Protocol):
    """Makes N worlds side by side, as often as it is asked: for training, and for each check.

    envs.worlds gives it from an id or from a function that builds one of Gymnasium's envs; a class
    derived from envs.NumpyEnv is one itself.
    """

    def __call__(self, *, num_envs: int, seed: int) -> DescribedEnv:
        """`num_envs` worlds, seeded."""


def training_envs(worlds: Worlds, config: DQNConfig, seed: int) -> DescribedEnv:
    """The environments that a run learns in.

    The generators that a process shares are seeded before the first environment is made: somebody's
    may draw from them, in its constructor too.
    """
    seed_shared(seed)
    return worlds(num_envs=config.num_envs, seed=env_seed(seeds(seed).envs))


def training_agent(
    config: DQNConfig, envs: DescribedEnv, seed: int, backend: str = "auto",
    dtype: str = "float32", device: str = "cpu", parts: Parts | None = None,
) -> DQN:  # fmt: skip
    """The agent that learns in them.   UserError where they and the settings do not fit."""
    try:
        agent = build_dqn(
            config, envs.observation_shape, envs.observation_dtype, envs.actions, seed, backend,
            dtype, device, envs.stack, parts or Parts(), envs.reward_range,
        )  # fmt: skip
    except (ValueError, MemoryError) as error:
        raise UserError(f"{envs.id} and these settings do not fit: {error}") from error
    seed_torch(seed)  # environments or network may have been the first to load it
    return agent
