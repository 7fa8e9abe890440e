"""CrossQ, as the table of agents has it: SAC with batch renormalisation and without target network.

Bhatt, Palenicek et al. 2024, "CrossQ: Batch Normalization in Deep Reinforcement Learning for
Greater Sample Efficiency and Simplicity".
"""

from __future__ import annotations

from functools import partial

from agents.sac.agent import ActorCritic
from agents.sac.build import assemble, new_policy
from agents.sac.charts import CHARTS
from agents.sac.config import CrossQConfig as Config
from agents.sac.networks import plain_chain
from agents.sac.parts import CrossQParts as Parts
from agents.sac.presets import BY_AGENT, preset_of
from agents.sac.rows import ACTIONS, ADDED, FIXED, REMEDY, reader, require_room, resolve
from agents.sac.sac import meaning
from agents.sac.soft import temperature
from agents.sac.targets import JointCritic
from agents.setup import Setup
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.layers import Layer

__all__ = [
    "ACTIONS", "ADDED", "CHARTS", "FIXED", "PRESETS", "REMEDY", "Config", "Parts", "build",
    "load_policy", "preset", "require_room", "resolve",
]  # fmt: skip


NO_PARTS = Parts()


def chain(config: Config) -> list[Layer]:
    """Batch renormalisation before the first hidden layer and behind each: their section 4."""
    renorm = partial(BatchRenorm, config.renorm_momentum, warm_up=config.renorm_warm_up)
    layers = plain_chain(config)
    pairs = [layers[i : i + 2] for i in range(0, len(layers), 2)]  # Linear, activation
    return [renorm(), *(layer for pair in pairs for layer in (*pair, renorm()))]


def build(config: Config, setup: Setup, parts: Parts = NO_PARTS) -> ActorCritic:
    """The agent.   UserError or ValueError where settings and spaces do not fit."""
    policy = new_policy(config, setup, meaning, parts, chain)
    targets = JointCritic(policy.critic, policy.critic_net, policy.actor, policy.net)
    alpha = temperature(config, setup, policy.net.ops, parts)
    return assemble(config, setup, policy, targets, alpha, parts, config.beta1)


load_policy = reader(Config, meaning, chain)
PRESETS, preset = BY_AGENT["crossq"], preset_of("crossq")
