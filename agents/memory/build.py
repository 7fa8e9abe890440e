"""A replay memory from an agent's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from agents.memory.goals import goals_of
from agents.memory.hindsight import HindsightReplay, Strategy, WholeSteps
from agents.memory.nstep import NStep, WayIn
from agents.memory.one_hot import BitStorage, OneHotStorage
from agents.memory.prioritized import PrioritizedSampler
from agents.memory.replay import ReplayBuffer, Sampler, UniformSampler
from agents.memory.storage import ArrayStorage, FrameStorage, ObservationStorage
from agents.setup import Setup
from drl.nn.schedules import Linear
from drl.rng import generator


class MemoryConfig(Protocol):
    """The settings that a memory is built by, of whichever agent."""

    @property
    def buffer_size(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def n_step(self) -> int: ...
    @property
    def gamma(self) -> float: ...
    @property
    def prioritized(self) -> bool: ...
    @property
    def priority_alpha(self) -> float: ...
    @property
    def priority_beta(self) -> float: ...
    @property
    def her(self) -> bool: ...
    @property
    def her_k(self) -> int: ...
    @property
    def her_strategy(self) -> Strategy: ...


def build_memory(
    config: MemoryConfig, setup: Setup, beta_steps: int,
    unit: Callable[[np.ndarray], np.ndarray], action_shape: tuple[int, ...] = (),
    action_dtype: Any = np.int64, actions: int = 0,
) -> WayIn:  # fmt: skip
    """What leads into the memory of a config, `replay`; actions as in ReplayBuffer.

    beta_steps  updates until prioritized replay's β is 1
    unit        the environment's rewards → those that are kept

    UserError where hindsight is asked for, and the environment has no goals.
    """
    size, envs, seed = (config.buffer_size, config.batch_size), setup.num_envs, setup.seed
    rng = generator(seed, "replay")
    sampler: Sampler = UniformSampler(*size, rng)
    if config.prioritized:
        beta = Linear(config.priority_beta, 1.0, beta_steps)
        sampler = PrioritizedSampler(*size, rng, config.priority_alpha, beta)
    storage = build_storage(config, setup)
    kept = *size, storage, sampler, action_shape, action_dtype, actions
    if not config.her:
        return NStep(ReplayBuffer(*kept), config.n_step, config.gamma, envs)
    replay = HindsightReplay(
        *kept, num_envs=envs, gamma=config.gamma, goals=goals_of(setup, unit),
        strategy=config.her_strategy, k=config.her_k, rng=generator(seed, "goals"),
    )  # fmt: skip
    return WholeSteps(replay, config.gamma)


def build_storage(config: MemoryConfig, setup: Setup) -> ObservationStorage:
    """Images are kept once, a one-hot vector as a number, several and bits as bits, and vectors of
    other numbers as they are."""
    shape, dtype = setup.observation_space.shape, setup.observation_space.dtype
    if len(shape) == 3:
        return FrameStorage(
            picture_rows(config), shape, dtype, setup.frame_stack, setup.num_envs,
            slack=2 * setup.num_envs * (config.n_step + setup.frame_stack + 1),
        )  # fmt: skip
    parts = () if setup.encoder is None else setup.encoder.parts
    if len(parts) == 1 and len(parts[0].counts) == 1:
        return OneHotStorage(shape[0])
    if parts and all(part.kind in ("one-hot", "bits") for part in parts):
        return BitStorage(shape[0])
    return ArrayStorage(shape, dtype)


def picture_rows(config: MemoryConfig) -> int:
    """Images kept for `buffer_size` transitions: one each, and every episode's first.

    An eighth more is enough for episodes of 8 agent steps or longer; with shorter ones the oldest
    transitions make room a little sooner.
    """
    return config.buffer_size + config.buffer_size // 8
