"""Agents with a temperature: SAC, TQC, CrossQ differ in their critics and targets."""

from __future__ import annotations

import math

from agents.sac.agent import ActorCritic
from agents.sac.build import Meaning, assemble, build_policy, delayed_schedule
from agents.sac.config import EntropyConfig, SACConfig
from agents.sac.networks import critic_network
from agents.sac.targets import TargetCritic
from agents.sac.temperature import Fixed, Learnt, Temperature
from agents.setup import Setup
from drl.nn.ops import Ops
from drl.rng import generator


def build_soft(config: SACConfig, setup: Setup, meaning: Meaning) -> ActorCritic:
    """With a critic that follows slowly.   UserError or ValueError where settings and spaces do not
    fit."""
    policy = build_policy(config, setup, meaning, generator(setup.seed, "weights"))
    ops = policy.net.ops
    target_net = critic_network(config, setup, policy.critic, ops, 0)
    targets = TargetCritic(
        policy.critic, policy.critic_net, target_net, policy.actor, policy.net, config.tau
    )
    return assemble(config, setup, policy, targets, temperature(config, setup, ops))


def temperature(config: EntropyConfig, setup: Setup, ops: Ops) -> Temperature:
    """α, fixed or learnt: its target is −k nats where the settings name none."""
    if config.ent_coef is not None:
        return Fixed(config.ent_coef)
    target = config.target_entropy
    if target is None:
        target = -float(math.prod(setup.action_space.shape))
    return Learnt(ops, target, config.ent_coef_start, delayed_schedule(config, setup))
