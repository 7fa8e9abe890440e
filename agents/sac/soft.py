"""Agents with a temperature: SAC, TQC, CrossQ differ in their critics and targets."""

from __future__ import annotations

import copy
import math

from agents.sac.agent import ActorCritic
from agents.sac.build import Meaning, assemble, delayed_schedule, new_policy
from agents.sac.config import EntropyConfig, SACConfig
from agents.sac.parts import NO_PARTS, SACParts
from agents.sac.targets import TargetCritic
from agents.sac.temperature import Fixed, Learnt, Temperature
from agents.setup import Setup
from drl.nn.ops import Ops


def build_soft(
    config: SACConfig, setup: Setup, parts: SACParts = NO_PARTS, *, meaning: Meaning
) -> ActorCritic:
    """With a critic that follows slowly.   UserError or ValueError where settings and spaces do not
    fit."""
    policy = new_policy(config, setup, meaning, parts)
    target_net = copy.deepcopy(policy.critic_net)
    targets = TargetCritic(
        policy.critic, policy.critic_net, target_net, policy.actor, policy.net, config.tau
    )
    alpha = temperature(config, setup, policy.net.ops, parts)
    return assemble(config, setup, policy, targets, alpha, parts)


def temperature(config: EntropyConfig, setup: Setup, ops: Ops, parts: SACParts) -> Temperature:
    """α, fixed or learnt: its target is −k nats where the settings name none."""
    if config.ent_coef is not None:
        return Fixed(config.ent_coef)
    target = config.target_entropy
    if target is None:
        target = -float(math.prod(setup.action_space.shape))
    return Learnt(ops, target, config.ent_coef_start, delayed_schedule(config, setup, parts))
