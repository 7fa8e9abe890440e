"""A replay memory from an agent's settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np

from agents.memory.goals import goals_of
from agents.memory.hindsight import HindsightReplay, Strategy, WholeSteps, require_single_steps
from agents.memory.keys import build_keys
from agents.memory.nstep import NStep, WayIn
from agents.memory.packed import PackedStorage, worth_packing
from agents.memory.prioritized import PrioritizedSampler
from agents.memory.replay import ReplayBuffer, Sampler, UniformSampler
from agents.memory.storage import FrameStorage, ObservationStorage
from agents.room import no_room
from agents.setup import Setup
from drl.nn.schedules import Linear
from drl.rng import generator

FEW = 8  # transitions, by which the bytes of one are found


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
    """What leads into the memory of a config, `replay`, with room for what the run fills of it;
    actions as in ReplayBuffer.

    beta_steps  updates until prioritized replay's β is 1
    unit        the environment's rewards → those that are kept

    UserError where hindsight is asked for, and rewards are summed or the environment has no goals;
    MemoryError where there is no room, with the size that would fit.
    """
    envs, rng = setup.num_envs, generator(setup.seed, "replay")
    kind: Callable[..., Any] = ReplayBuffer
    leading: Callable[..., WayIn] = partial(
        NStep, n=config.n_step, gamma=config.gamma, num_envs=envs
    )
    if config.her:
        require_single_steps(config.n_step)
        kind = partial(
            HindsightReplay, num_envs=envs, gamma=config.gamma, goals=goals_of(setup, unit),
            strategy=config.her_strategy, k=config.her_k, rng=generator(setup.seed, "goals"),
        )  # fmt: skip
        leading = partial(WholeSteps, gamma=config.gamma)

    def sampler(size: int) -> Sampler:
        if not config.prioritized:
            return UniformSampler(size, config.batch_size, rng)
        beta = Linear(config.priority_beta, 1.0, beta_steps)
        return PrioritizedSampler(size, config.batch_size, rng, config.priority_alpha, beta)

    def memory(size: int, expected: int) -> ReplayBuffer:
        storage = build_storage(config, setup, expected)
        made: ReplayBuffer = kind(
            size, config.batch_size, storage, sampler(size), action_shape, action_dtype, actions,
            expected=expected,
        )  # fmt: skip
        return made

    rows = min(config.buffer_size, transitions(setup))
    try:
        replay = memory(config.buffer_size, rows)
    except MemoryError as error:
        few = min(rows, FEW)
        each = (memory(2 * few, 2 * few).nbytes - memory(few, few).nbytes) / few
        raise no_room(each, rows) from error
    return leading(replay)


def transitions(setup: Setup) -> int:
    """Of the whole run: all environments step together."""
    return -(-setup.steps // setup.num_envs) * setup.num_envs


def build_storage(
    config: MemoryConfig, setup: Setup, expected: int | None = None
) -> ObservationStorage:
    """Images are kept once, as are observations with images beside other numbers; all others by
    keys of their own (build_keys).

    expected  transitions that will be kept, where they are fewer than `buffer_size`
    """
    shape, dtype = setup.observation_space.shape, setup.observation_space.dtype
    kept, most = picture_rows(config.buffer_size), None
    if expected is not None:
        most = picture_rows(expected)
    envs, stack = setup.num_envs, setup.frame_stack
    slack = 2 * envs * (config.n_step + stack + 1)
    if len(shape) == 3:
        return FrameStorage(kept, shape, dtype, stack, envs, slack, most)
    parts = () if setup.encoder is None else setup.encoder.parts
    if worth_packing(parts):
        late = envs * config.n_step  # observations that are there before their windows close
        return PackedStorage(parts, kept + late, envs, slack, most)
    return build_keys(setup)


def picture_rows(transitions: int) -> int:
    """Images kept for so many transitions: one each, and every episode's first.

    An eighth more is enough for episodes of 8 agent steps or longer; with shorter ones the oldest
    transitions make room a little sooner.
    """
    return transitions + transitions // 8
