"""PPO and A2C from their settings: the one place where names become parts."""

from __future__ import annotations

from typing import Any

from agents.fronts import require_suited
from agents.memory.keys import build_keys
from agents.memory.rollout import Rollout
from agents.normalisation import ObservationStatistics, ReturnScale, Statistics
from agents.parts import nets_of, own_nets, require_schedules
from agents.ppo.actions import action_head
from agents.ppo.agent import PPO
from agents.ppo.config import A2CConfig, OnPolicyConfig, PPOConfig
from agents.ppo.losses import (
    ClippedSquaredError,
    PolicyFit,
    ValueFit,
    ValueLoss,
    clipped_surrogate,
    policy_gradient,
    squared_error,
)
from agents.ppo.metrics import ppo_metrics, rollout_metrics
from agents.ppo.own_loss import own_loss
from agents.ppo.parts import NO_PARTS, A2CParts, PPOParts
from agents.ppo.passes import EpisodeByEpisode, Pass, RowByRow
from agents.ppo.policy import ActorCriticPolicy, network_for
from agents.ppo.remembering import build_policy
from agents.setup import Setup
from drl.action_space import mask_size
from drl.nn import Network
from drl.nn.compensate import places
from drl.nn.memory import require_memory
from drl.nn.optim import Adam, Optimizer, RMSProp
from drl.nn.recurrent import Recurrent
from drl.nn.schedules import Constant, Schedule, falling
from drl.rng import generator


def build_ppo(config: PPOConfig, setup: Setup, parts: PPOParts = NO_PARTS) -> PPO:
    """The agent, whose random parts draw from streams of their own (drl.rng).

    UserError where its spaces are none that it can have; ValueError where settings and observations
    do not fit.
    """
    net = build_net(config, setup, parts)
    optimizer = Adam(net, config.lr, eps=config.adam_eps)
    value_loss: ValueLoss = (
        squared_error if config.clip_range_vf is None else ClippedSquaredError(config.clip_range_vf)
    )
    return PPO(
        optimizer=optimizer,
        policy_loss=own_loss("policy_loss", parts.policy_loss, PolicyFit) or clipped_surrogate,
        value_loss=own_loss("value_loss", parts.value_loss, ValueFit) or value_loss,
        clip=parts.clip or annealed(config.clip_range, config.clip_range_end, config, setup),
        metrics_of=ppo_metrics,
        n_epochs=config.n_epochs,
        batch_size=config.batch_size,
        target_kl=config.target_kl,
        **common_parts(config, setup, net, optimizer, parts),
    )


def build_a2c(config: A2CConfig, setup: Setup, parts: A2CParts = NO_PARTS) -> PPO:
    """PPO with parts taken out: one step on the whole rollout, by the plain policy gradient.

    Errors as above.
    """
    net = build_net(config, setup, parts)
    optimizer: Optimizer = Adam(net, config.lr, eps=config.optimizer_eps)
    if config.optimizer == "rmsprop":
        optimizer = RMSProp(net, config.lr, config.rms_rho, config.optimizer_eps)
    return PPO(
        optimizer=optimizer,
        policy_loss=own_loss("policy_loss", parts.policy_loss, PolicyFit) or policy_gradient,
        value_loss=own_loss("value_loss", parts.value_loss, ValueFit) or squared_error,
        clip=Constant(0.0),
        metrics_of=rollout_metrics,
        **common_parts(config, setup, net, optimizer, parts),
    )


def common_parts(
    config: OnPolicyConfig, setup: Setup, net: Network, optimizer: Optimizer, parts: A2CParts
) -> dict[str, Any]:
    """What PPO and A2C are both made of, by the names of PPO's arguments."""
    require_schedules(parts)
    returns = ReturnScale(config.gamma, setup.num_envs) if config.normalise_reward else None
    statistics: list[Statistics] = []
    if config.normalise_obs or places(net):
        statistics.append(ObservationStatistics([(net, optimizer)]))
    statistics += [] if returns is None else [returns]
    policy = build_policy(config, setup, net, returns, own_nets(setup, nets_of(parts)))
    return {
        "policy": policy,
        "passes": build_passes(config, setup, policy),
        "statistics": statistics,
        "returns": returns,
        "rollout": build_rollout(config, setup),
        "actions": generator(setup.seed, "exploration"),
        "shuffle": generator(setup.seed, "minibatches"),
        "lr": parts.lr or annealed(config.lr, config.lr_end, config, setup),
        "gamma": config.gamma,
        "gae_lambda": config.gae_lambda,
        "ent_coef": config.ent_coef,
        "vf_coef": config.vf_coef,
        "normalise_advantage": config.normalise_advantage,
        "max_grad_norm": config.max_grad_norm,
    }


def annealed(
    start: float, end: float | None, config: OnPolicyConfig, setup: Setup
) -> Schedule:  # fmt: skip
    """From `start` to `end`, linearly by env steps; end None: it stays."""
    return falling(start, end, config.anneal_steps or setup.steps)


def build_net(config: OnPolicyConfig, setup: Setup, parts: A2CParts) -> Network:
    """The network, with its first weights.   MemoryError where there is no room to train it."""
    nets = nets_of(parts)
    require_suited(config, setup, "PPO and A2C", nets.net is not None)
    net = network_for(config, setup, generator(setup.seed, "weights"), nets)
    if str(net.ops.device) == "cpu":
        require_memory(
            4 * net.size * net.ops.dtype.itemsize,
            f"an agent with a network of {net.size:,} parameters", "smaller `hidden` layers",
        )  # fmt: skip
    return net


def build_passes(config: OnPolicyConfig, setup: Setup, policy: ActorCriticPolicy) -> Pass:
    """How observations go through the network."""
    net, actor, critic = policy.net, policy.actor, policy.critic
    if not isinstance(net, Recurrent):
        return RowByRow(net, actor, critic)
    assert isinstance(actor, Recurrent) and isinstance(critic, Recurrent)
    length = config.sequence_length or config.n_steps
    return EpisodeByEpisode(net, actor, critic, setup.num_envs, length)


def build_rollout(config: OnPolicyConfig, setup: Setup) -> Rollout:
    """The memory of one rollout."""
    head = action_head(config, setup.action_space)
    return Rollout(
        config.n_steps, setup.num_envs, build_keys(setup), head.shape, head.dtype,
        mask_size(setup.action_space) or 0,
    )  # fmt: skip
