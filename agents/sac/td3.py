"""TD3, as the table of agents has it: a deterministic policy, smoothed targets, a slower actor.

Fujimoto, van Hoof & Meger 2018, "Addressing Function Approximation Error in Actor-Critic Methods".
"""

from __future__ import annotations

import copy

from agents.sac.actor import Actor
from agents.sac.actors import DeterministicActor
from agents.sac.agent import ActorCritic
from agents.sac.build import assemble, new_policy
from agents.sac.charts import CHARTS
from agents.sac.config import TD3Config as Config
from agents.sac.critics import Critic, FirstQ
from agents.sac.parts import TD3Parts as Parts
from agents.sac.presets import BY_AGENT, preset_of
from agents.sac.rows import ACTIONS, ADDED, FIXED, REMEDY, reader, require_room, resolve
from agents.sac.targets import TargetCritic
from agents.sac.temperature import Fixed
from agents.setup import Setup
from drl.nn.ops import Ops

__all__ = [
    "ACTIONS", "ADDED", "CHARTS", "FIXED", "PRESETS", "REMEDY", "Config", "Parts", "build",
    "load_policy", "preset", "require_room", "resolve",
]  # fmt: skip


NO_PARTS = Parts()


def meaning(config: Config, ops: Ops, k: int) -> tuple[Actor, Critic]:
    """tanh, with noise on it, and twin critics of which the first is climbed."""
    smoothed, cut = config.target_noise, config.target_noise_clip
    return DeterministicActor(ops, k, config.action_noise, smoothed, cut), FirstQ(ops)


def build(config: Config, setup: Setup, parts: Parts = NO_PARTS) -> ActorCritic:
    """The agent; its target networks follow as the policy is moved, and entropy is worth nothing.

    UserError or ValueError where settings and spaces do not fit.
    """
    policy = new_policy(config, setup, meaning, parts)
    targets = TargetCritic(
        policy.critic, policy.critic_net, copy.deepcopy(policy.critic_net),
        policy.actor, policy.net, config.tau, copy.deepcopy(policy.net),
    )  # fmt: skip
    return assemble(
        config, setup, policy, targets, Fixed(0.0), parts, own_exploration=parts.exploration
    )


load_policy = reader(Config, meaning)
PRESETS, preset = BY_AGENT["td3"], preset_of("td3")
