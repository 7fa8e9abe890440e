"""An off-policy actor and critic from its settings: the parts that all agents here share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from agents.memory.build import build_memory
from agents.memory.ratio import updates_by
from agents.memory.units import RewardUnits
from agents.normalisation import ObservationStatistics, Statistics
from agents.parts import NO_NETS, Nets, OwnNets, built, nets_of, own_nets, require_schedules
from agents.sac.actor import Actor
from agents.sac.agent import ActorCritic
from agents.sac.config import ActorCriticConfig
from agents.sac.critics import Critic
from agents.sac.exploration import AsActed, Exploring, RandomStart, Tried
from agents.sac.metrics import update_metrics
from agents.sac.networks import Chain, critic_network, ops_for, plain_chain, policy_network
from agents.sac.parts import SACParts
from agents.sac.policy import ContinuousPolicy
from agents.sac.targets import Targets
from agents.sac.temperature import Temperature
from agents.setup import Setup
from drl.actions import UnitBox
from drl.errors import UserError
from drl.nn.compensate import places
from drl.nn.ops import Ops
from drl.nn.optim import Adam
from drl.nn.schedules import Schedule, falling
from drl.rng import generator
from drl.spaces import words

Meaning = Callable[[Any, Ops, int], tuple[Actor, Critic]]
"""(config, ops, k) → what the outputs of a policy's network, and of the critics', mean."""


def build_policy(
    config: ActorCriticConfig, setup: Setup, meaning: Meaning,
    seed: np.random.Generator | int = 0, chain: Chain = plain_chain, nets: Nets = NO_NETS,
    own: OwnNets | None = None,
) -> ContinuousPolicy:  # fmt: skip
    """A policy and its critics, of fresh weights.

    nets  build the networks, where they are the user's own
    own   the names of those

    UserError where it cannot have these actions; ValueError where settings and observations do not
    fit.
    """
    require_bounded(setup.action_space)
    k = math.prod(setup.action_space.shape)
    ops = ops_for(config, setup, 2 * k)
    actor, critic = meaning(config, ops, k)
    if nets.net is None:
        net = policy_network(config, setup, actor.outputs, ops, seed, chain)
    else:
        net = built(nets.net, setup.observation_space.shape, actor.outputs, seed)
        actor, critic = meaning(config, net.ops, k)  # it has chosen where it computes
    critic_net = critic_network(config, setup, critic, net.ops, seed, chain, nets.of_critic)
    made: ContinuousPolicy = actor.policy(config, setup, net, actor, critic_net, critic, own)
    return made


def new_policy(
    config: ActorCriticConfig, setup: Setup, meaning: Meaning, parts: SACParts,
    chain: Chain = plain_chain,
) -> ContinuousPolicy:  # fmt: skip
    """Of a training that begins.   Errors as above."""
    require_schedules(parts)
    nets, seed = nets_of(parts), generator(setup.seed, "weights")
    return build_policy(config, setup, meaning, seed, chain, nets, own_nets(setup, nets))


def assemble(
    config: ActorCriticConfig, setup: Setup, policy: ContinuousPolicy, targets: Targets,
    temperature: Temperature, parts: SACParts, beta1: float = 0.9, own_exploration: Any = None,
) -> ActorCritic:  # fmt: skip
    """The agent, whose random parts draw from streams of their own (drl.rng)."""
    seed, k = setup.seed, math.prod(setup.action_space.shape)
    rng = generator(seed, "exploration")
    exploration: Exploring = AsActed(policy.actor, rng)
    if own_exploration is not None:
        exploration = Tried(policy.actor, own_exploration, k, setup.num_envs, rng)
    adam = partial(Adam, beta1=beta1, eps=config.adam_eps)
    beta_steps = config.priority_beta_steps or max(1, updates_by(config, setup.steps))
    in_units = RewardUnits(config.reward_scale)
    way_in = build_memory(
        config, setup, beta_steps, in_units,
        setup.action_space.shape, np.float32,
    )  # fmt: skip
    optimizer = adam(policy.net, lr=delayed_schedule(config, setup, parts))
    critic_optimizer = adam(policy.critic_net, lr=schedule(config, setup, parts))
    statistics: list[Statistics] = []
    if config.normalise_obs or places(policy.net) or places(policy.critic_net):
        moved = (policy.net, optimizer), (policy.critic_net, critic_optimizer)
        followers = [(net, None) for net in targets.networks]
        statistics.append(ObservationStatistics([*moved, *followers]))
    return ActorCritic(
        policy=policy,
        targets=targets,
        temperature=temperature,
        optimizer=optimizer,
        critic_optimizer=critic_optimizer,
        nstep=way_in,
        start=RandomStart(config.learning_starts, config.hold, setup.num_envs, k, rng),
        exploration=exploration,
        noise=generator(seed, "noise"),
        updates_by=partial(updates_by, config),
        update_metrics=update_metrics,
        policy_delay=config.policy_delay,
        max_grad_norm=config.max_grad_norm,
        in_units=in_units,
        statistics=statistics,
    )


def schedule(config: ActorCriticConfig, setup: Setup, parts: SACParts) -> Schedule:
    """Adam's learning rate, by updates of the critics."""
    if parts.lr is not None:
        return parts.lr
    return falling(config.lr, config.lr_end, config.lr_steps or updates_by(config, setup.steps))


def delayed_schedule(config: ActorCriticConfig, setup: Setup, parts: SACParts) -> Schedule:
    """The same by steps of the policy and of its temperature, one for `policy_delay` updates."""
    lr, delay = schedule(config, setup, parts), config.policy_delay
    return lambda steps: lr(steps * delay)


def require_bounded(space: Any) -> None:
    """UserError unless every number of an action has bounds."""
    if not UnitBox(space).bounded.all():
        raise UserError(
            f"{words(space)} actions are not bounded, tanh is: wrap the env in "
            "gymnasium.wrappers.ClipAction or RescaleAction, which give them bounds"
        )
