"""A DQN from its settings: the one place where names become parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents import targets
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.exploration import EpsilonGreedy
from agents.nstep import NStep
from agents.replay import Replay
from drl.nn import MLP
from drl.nn.optim import Adam
from drl.nn.schedules import Linear


def build_network(
    config: DQNConfig, shape: tuple[int, ...], actions: int, seed: np.random.Generator | int = 0,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu",
) -> MLP:  # fmt: skip
    """Q(s, ·; θ): observations of `shape` → one value for each action."""
    scale: Any = config.scale
    if scale is not None and len(scale) == 1:
        scale = scale[0]
    return MLP(
        shape, actions, config.hidden, config.activation, config.conv, scale=scale,
        init=config.init, backend=backend, dtype=dtype, device=device, seed=seed,
    )  # fmt: skip


def build_dqn(
    config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, actions: int, seed: int,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu",
) -> DQN:  # fmt: skip
    """The agent; its generators (weights, exploration, replay) are spawned once from the seed.

    ValueError where the settings do not fit the observations.
    """
    weights, explore, sample = (np.random.default_rng(s) for s in seeds(seed)[:3])
    net = build_network(config, shape, actions, weights, backend, dtype, device)
    target_net = build_network(config, shape, actions, 0, net.ops.name, dtype, device)
    replay = Replay(config.capacity, shape, observation_dtype, config.batch, sample)
    return DQN(
        net=net,
        target_net=target_net,
        optimizer=Adam(net, Linear(config.lr, config.lr_end, config.lr_steps)),
        nstep=NStep(replay, config.n_step, config.gamma, config.num_envs),
        exploration=EpsilonGreedy(
            Linear(config.epsilon_start, config.epsilon_end, config.epsilon_steps),
            actions, explore,
        ),
        bootstrap=targets.double if config.double else targets.maximum,
        target_period=config.target_period,
        tau=config.tau,
        max_grad_norm=config.max_grad_norm,
        reward_scale=config.reward_scale,
    )  # fmt: skip


class Seeds(NamedTuple):
    """Independent streams from one seed."""

    weights: np.random.SeedSequence
    exploration: np.random.SeedSequence
    replay: np.random.SeedSequence
    envs: np.random.SeedSequence
    checks: np.random.SeedSequence


def seeds(seed: int) -> Seeds:
    """All that is random in a run, each part with its own stream."""
    return Seeds(*np.random.SeedSequence(seed).spawn(5))


def check_stream(seed: int, number: int) -> np.random.SeedSequence:
    """The stream of a run's greedy check `number`: child of `checks`, whatever came before it."""
    checks = seeds(seed).checks
    return np.random.SeedSequence(checks.entropy, spawn_key=(*checks.spawn_key, number))


def unseen_stream(seed: int) -> np.random.SeedSequence:
    """A stream for scoring that no run leads to: its entropy is two words, a run's seed is one."""
    return np.random.SeedSequence([seed, 1])


def env_seed(stream: np.random.SeedSequence) -> int:
    """An integer seed for environments from a stream."""
    return int(stream.generate_state(1, np.uint64)[0] >> 1)  # fits a signed 64-bit integer
