"""A DQN from its settings: the one place where names become parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from agents.dqn import targets
from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig, lengths
from agents.dqn.networks import BuildNet, build_head, build_network, channels_last, own_network
from agents.exploration import EpsilonGreedy, Exploration, EzGreedy
from agents.memory.nstep import NStep
from agents.memory.prioritized import PrioritizedSampler
from agents.memory.replay import ReplayBuffer, Sampler, UniformSampler
from agents.memory.storage import ArrayStorage, FrameStorage, ObservationStorage
from drl.nn import Network
from drl.nn.memory import require_memory
from drl.nn.optim import Adam
from drl.nn.schedules import Constant, Linear, Schedule


@dataclass(frozen=True)
class Parts:
    """One's own, each in place of what the settings would build; None: theirs.

    net          builds the network from an observation's shape and the number of outputs, called
                 for θ and for θ⁻; hidden, conv, scale, dueling, noisy are then its own affair
    bootstrap    the target of an update: a function as in agents.dqn.targets
    lr           Adam's learning rate, by updates
    epsilon      probability of a random action, by env steps
    exploration  the actions tried, given the greedy ones; ε is then its own affair
    """

    net: BuildNet | None = None
    bootstrap: targets.TargetFunction | None = None
    lr: Schedule | None = None
    epsilon: Schedule | None = None
    exploration: Exploration | None = None


def build_dqn(
    config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, actions: int, seed: int,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu", stack: int = 1,
    parts: Parts = Parts(), reward_range: tuple[float, float] | None = None,
    first_action: int = 0,
) -> DQN:  # fmt: skip
    """The agent; its generators are spawned once from the seed.

    shape, observation_dtype  of one observation
    stack                     images in an observation, along its last axis
    parts                     one's own
    reward_range              of one step, as the environment declares it; None: it does not
    first_action              its number in the environment

    ValueError where the settings do not fit the observations.
    """
    streams = {name: np.random.default_rng(s) for name, s in seeds(seed)._asdict().items()}
    if parts.net is None:
        channels_last(config, shape)
        net = build_network(
            config, shape, observation_dtype, actions, streams["weights"], backend, dtype, device
        )
        _require_room(net)
        target_net = build_network(
            config, shape, observation_dtype, actions, 0, net.ops.name, dtype, device
        )
    else:
        net = own_network(parts.net, config, shape, actions, streams["weights"])
        target_net = own_network(parts.net, config, shape, actions, 0)
    lr = parts.lr or Linear(config.lr, config.lr_end, lengths(config).lr_steps)
    exploration = parts.exploration or build_exploration(
        config, actions, streams["exploration"], parts.epsilon
    )
    replay = build_replay(config, shape, observation_dtype, stack, streams["replay"])
    return DQN(
        net=net,
        target_net=target_net,
        head=build_head(config, net.ops, actions, streams["fractions"]),
        optimizer=Adam(net, lr, eps=config.adam_eps),
        nstep=NStep(replay, config.n_step, config.gamma, config.num_envs),
        exploration=exploration,
        noise=streams["noise"],
        bootstrap=parts.bootstrap or build_bootstrap(config, actions, reward_range),
        target_period=config.target_period,
        tau=config.tau,
        max_grad_norm=config.max_grad_norm,
        reward_scale=config.reward_scale,
        reward_clip=config.reward_clip,
        first_action=first_action,
    )  # fmt: skip


def _require_room(net: Network) -> None:
    """MemoryError unless both networks, their gradients and Adam's two moments can be there."""
    if str(net.ops.device) == "cpu":
        require_memory(
            6 * net.size * net.ops.dtype.itemsize,
            f"an agent with networks of {net.size:,} parameters", "smaller --hidden layers",
        )  # fmt: skip


def build_bootstrap(
    config: DQNConfig, actions: int, reward_range: tuple[float, float] | None = None
) -> targets.TargetFunction:
    """The target of an update, by name, bounded where the settings or the rewards give a bound."""
    bootstrap: targets.TargetFunction = targets.q_target
    if config.bootstrap == "munchausen":
        bootstrap = targets.Munchausen(config.munchausen_alpha, config.munchausen_temperature)
    elif config.bootstrap == "double":
        bootstrap = targets.double_q_target
    bound = value_bound(config, actions, reward_range)
    return bootstrap if bound is None else targets.Bounded(bootstrap, *bound)


def value_bound(
    config: DQNConfig, actions: int, reward_range: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Least and greatest Z(s′), in scaled rewards; None: no bound.

    auto: the interval of what rewards can add up to, widened by its own width to either side.
    Rewards within 0 … r: from −r/(1 − γ) to 2r/(1 − γ).  Munchausen's values hold besides the
    bonus of a step, α l₀ at least, and the entropy, τ log |A| at most.
    """
    if config.value_bound is None:
        return None
    if config.value_bound != "auto":
        low, high = config.value_bound
        return low * config.reward_scale, high * config.reward_scale
    clip = math.inf if config.reward_clip is None else config.reward_clip
    low, high = config.reward_range or reward_range or (-math.inf, math.inf)
    low, high = max(low * config.reward_scale, -clip), min(high * config.reward_scale, clip)
    if config.bootstrap == "munchausen":
        low += config.munchausen_alpha * targets.LOWEST_BONUS
        high += config.munchausen_temperature * math.log(actions)
    ends = targets.reachable(low, high, config.gamma)
    if ends is None or not all(map(math.isfinite, ends)) or ends[0] == ends[1]:
        return None
    width = ends[1] - ends[0]
    return ends[0] - width, ends[1] + width


def build_exploration(
    config: DQNConfig, actions: int, rng: np.random.Generator, epsilon: Schedule | None = None
) -> Exploration:
    """Random actions by ε; none where the network's noise explores, unless ε is given."""
    if epsilon is None:
        steps = lengths(config).epsilon_steps
        epsilon = Linear(config.epsilon_start, config.epsilon_end, steps)
        epsilon = Constant(0.0) if config.noisy else epsilon
    if config.ez_mu is None:
        return EpsilonGreedy(epsilon, actions, rng)
    return EzGreedy(epsilon, actions, rng, config.num_envs, config.ez_mu)


def build_replay(
    config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, stack: int,
    rng: np.random.Generator,
) -> ReplayBuffer:  # fmt: skip
    """The memory: images are kept once, vectors as they are."""
    storage: ObservationStorage = ArrayStorage(shape, observation_dtype)
    if len(shape) == 3:
        storage = FrameStorage(
            picture_rows(config), shape, observation_dtype, stack, config.num_envs,
            slack=2 * config.num_envs * (config.n_step + stack + 1),
        )  # fmt: skip
    sampler: Sampler = UniformSampler(config.buffer_size, config.batch_size, rng)
    if config.prioritized:
        beta = Linear(config.priority_beta, 1.0, lengths(config).priority_beta_steps)
        sampler = PrioritizedSampler(
            config.buffer_size, config.batch_size, rng, config.priority_alpha, beta
        )
    return ReplayBuffer(config.buffer_size, config.batch_size, storage, sampler)


def picture_rows(config: DQNConfig) -> int:
    """Images kept for `buffer_size` transitions: one each, and every episode's first.

    An eighth more is enough for episodes of 8 agent steps or longer; with shorter ones the oldest
    transitions make room a little sooner.
    """
    return config.buffer_size + config.buffer_size // 8


class Seeds(NamedTuple):
    """Independent streams from one seed."""

    weights: np.random.SeedSequence
    exploration: np.random.SeedSequence
    replay: np.random.SeedSequence
    envs: np.random.SeedSequence
    checks: np.random.SeedSequence
    noise: np.random.SeedSequence
    fractions: np.random.SeedSequence


def seeds(seed: int) -> Seeds:
    """All that is random in a run, each part with its own stream."""
    return Seeds(*np.random.SeedSequence(seed).spawn(7))


def evaluation_stream(seed: int, number: int) -> np.random.SeedSequence:
    """The stream of a run's greedy evaluation `number`: child of `checks`, whatever came before
    it."""
    return _child(seeds(seed).checks, number)


def restart_stream(seed: int, env_steps: int) -> np.random.SeedSequence:
    """The stream of environments that are restarted after so many env steps: other episodes than
    the run's first, and the same ones whenever it is resumed from there."""
    return _child(seeds(seed).envs, env_steps)


def _child(stream: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(stream.entropy, spawn_key=(*stream.spawn_key, number))


def unseen_stream(seed: int) -> np.random.SeedSequence:
    """A stream for scoring that no run leads to: its entropy is two words, a run's seed is one."""
    return np.random.SeedSequence([seed, 1])


def env_seed(stream: np.random.SeedSequence) -> int:
    """An integer seed for environments from a stream."""
    return int(stream.generate_state(1, np.uint64)[0] >> 1)  # fits a signed 64-bit integer
