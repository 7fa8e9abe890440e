"""A DQN from its settings: the one place where names become parts."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from agents.dqn import targets
from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig, lengths
from agents.dqn.metrics import update_metrics
from agents.dqn.networks import build_head, build_network, own_network
from agents.dqn.own_target import own_target
from agents.dqn.parts import NO_PARTS, Parts
from agents.dqn.policy import DQNPolicy
from agents.exploration import Chosen, EpsilonGreedy, Exploration, EzGreedy
from agents.fronts import channels_last
from agents.memory.build import build_memory
from agents.memory.ratio import updates_by
from agents.memory.units import RewardUnits
from agents.normalisation import ObservationStatistics, ReturnScale, Statistics
from agents.parts import nets_of, own_nets, require_schedules
from agents.setup import Setup
from drl.actions import numbered
from drl.errors import UserError
from drl.foreign import kind_of
from drl.nn import Network
from drl.nn.compensate import places
from drl.nn.memory import require_memory
from drl.nn.optim import Adam
from drl.nn.schedules import Constant, Linear, falling
from drl.rng import generator


def build_dqn(config: DQNConfig, setup: Setup, parts: Parts = NO_PARTS) -> DQN:
    """The agent, whose random parts draw from streams of their own (drl.rng).

    UserError where its spaces are none that a DQN can have; ValueError where settings and
    observations do not fit.
    """
    seed, seen = setup.seed, setup.observation_space
    require_box(seen)
    own = numbered(setup.action_space, config.discretise)
    shape, dtype, actions = seen.shape, seen.dtype, own.n
    if parts.net is None:
        encoder = setup.encoder
        if encoder is None or (encoder.plain and encoder.channels is None):
            channels_last(config, shape)
        machine = setup.dtype, setup.device, () if encoder is None else encoder.parts
        net = build_network(
            config, shape, dtype, actions, generator(seed, "weights"), setup.backend, *machine
        )
        _require_room(net)
        target_net = build_network(config, shape, dtype, actions, 0, net.ops.name, *machine)
    else:
        net = own_network(parts.net, config, shape, actions, generator(seed, "weights"))
        target_net = own_network(parts.net, config, shape, actions, 0)
    found = lengths(config, setup.steps, setup.num_envs)
    head = build_head(config, net.ops, actions, generator(seed, "fractions"))
    in_units = RewardUnits(config.reward_scale, config.reward_clip or math.inf)
    way_in = build_memory(config, setup, found.priority_beta_steps, in_units, actions=actions)
    require_schedules(parts)
    exploration = build_exploration(
        config, actions, setup.num_envs, found.epsilon_steps, generator(seed, "exploration"), parts
    )
    rate = parts.lr or falling(config.lr, config.lr_end, found.lr_steps)
    optimizer = Adam(net, rate, eps=config.adam_eps)
    statistics: list[Statistics] = []
    if config.normalise_obs or places(net):
        statistics.append(ObservationStatistics([(net, optimizer), (target_net, None)]))
    returns = ReturnScale(config.gamma, setup.num_envs) if config.normalise_reward else None
    statistics += [] if returns is None else [returns]
    bounds = {}  # of a target of one's own: its own affair
    if parts.bootstrap is None:
        bounds["bounds"] = partial(value_bound, config, actions, setup.reward_range)
    return DQN(
        net=net,
        target_net=target_net,
        head=head,
        optimizer=optimizer,
        nstep=way_in,
        exploration=exploration,
        noise=generator(seed, "noise"),
        bootstrap=own_target(parts.bootstrap)
        or build_bootstrap(config, actions, setup.reward_range),
        updates_by=partial(updates_by, config),
        policy=DQNPolicy(config, setup, net, head, own, own_nets(setup, nets_of(parts)), returns),
        update_metrics=update_metrics,
        target_period=config.target_period,
        tau=config.tau,
        max_grad_norm=config.max_grad_norm,
        in_units=in_units,
        statistics=statistics,
        returns=returns,
        **bounds,
    )


def require_box(observation_space: Any) -> None:
    """UserError unless a DQN can see these observations."""
    from gymnasium.spaces import Box

    if not isinstance(observation_space, Box):
        raise UserError(
            f"a DQN takes Box observations, found {kind_of(observation_space)}: choose another env "
            "or wrap it"
        )


def _require_room(net: Network) -> None:
    """MemoryError unless both networks, their gradients and Adam's two moments can be there."""
    if str(net.ops.device) == "cpu":
        require_memory(
            6 * net.size * net.ops.dtype.itemsize,
            f"an agent with networks of {net.size:,} parameters", "smaller `hidden` layers",
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
    config: DQNConfig, actions: int, reward_range: tuple[float, float] | None = None,
    std: float = 1.0,
) -> tuple[float, float] | None:  # fmt: skip
    """Least and greatest Z(s′), in scaled rewards; None: no bound.

    auto: the interval of what rewards can add up to, widened by its own width to either side.
    Rewards within 0 … r: from −r/(1 − γ) to 2r/(1 − γ).  Munchausen's values hold besides the
    bonus of a step, α l₀ at least, and the entropy, τ log |A| at most.

    std  what scaled rewards are divided by besides (agents.normalisation.ReturnScale)
    """
    if config.value_bound is None:
        return None
    if config.value_bound != "auto":
        low, high = config.value_bound
        return low * config.reward_scale / std, high * config.reward_scale / std
    clip = math.inf if config.reward_clip is None else config.reward_clip
    low, high = config.reward_range or reward_range or (-math.inf, math.inf)
    low, high = max(low * config.reward_scale, -clip), min(high * config.reward_scale, clip)
    low, high = low / std, high / std
    if config.bootstrap == "munchausen":
        low += config.munchausen_alpha * targets.LOWEST_BONUS
        high += config.munchausen_temperature * math.log(actions)
    ends = targets.reachable(low, high, config.gamma)
    if ends is None or not all(map(math.isfinite, ends)) or ends[0] == ends[1]:
        return None
    width = ends[1] - ends[0]
    return ends[0] - width, ends[1] + width


def build_exploration(
    config: DQNConfig, actions: int, num_envs: int, epsilon_steps: int, rng: np.random.Generator,
    parts: Parts = NO_PARTS,
) -> Exploration:  # fmt: skip
    """Random actions by ε; none where the network's noise explores, unless ε is given."""
    epsilon = parts.epsilon
    if epsilon is None:
        epsilon = Linear(config.epsilon_start, config.epsilon_end, epsilon_steps)
        epsilon = Constant(0.0) if config.noisy else epsilon
    if parts.exploration is not None:
        return Chosen(parts.exploration, epsilon, actions, num_envs, rng)
    if config.ez_mu is None:
        return EpsilonGreedy(epsilon, actions, rng)
    return EzGreedy(epsilon, actions, rng, num_envs, config.ez_mu)
