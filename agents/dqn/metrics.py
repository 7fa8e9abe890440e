"""Numbers that show whether learning is healthy, from arrays that an update leaves behind."""

from __future__ import annotations

import numpy as np

from agents.dqn.agent import DQN, Seen
from agents.metrics import action_gap, by_action, dead_relus, update_ratios


def update_metrics(agent: DQN, seen: Seen) -> dict[str, float | np.ndarray]:
    """Of the last update, by TensorBoard name; values in the environment's own rewards.  Arrays are
    distributions over the batch.

    action_gap    mean of Q(s, a₁) − Q(s, a₂) for the best two actions: how much the choice matters
    grad_norm     before clipping
    update_ratio  ‖Δθ‖/‖θ‖ of the update, by layer; about 1e-3 is healthy
    dead_relu     share of a layer's neurons that are zero for 64 observations of the memory
    """
    ops, unit = agent.ops, 1 / agent.unit
    q = ops.numpy(seen.q()) * unit  # (B, A)
    allowed = np.ones(q.shape, np.bool_) if seen.mask is None else ops.numpy(seen.mask)  # (B, A)
    known = q if seen.mask is None else q[allowed]  # learning has never looked at the others
    td_error = ops.numpy(seen.td_error())  # (B,)
    metrics: dict[str, float | np.ndarray] = {
        "train/loss": seen.loss(),
        "train/td_error_abs": float(np.abs(td_error).mean()) * unit,
        "train/q_mean": float(known.mean()),
        "train/q_max": float(known.max()),
        "train/grad_norm": seen.grad_norm,
        "train/learning_rate": agent.optimizer.lr,
        "replay/terminal_fraction": agent.replay.terminal_fraction(),
        "replay/age_mean": agent.replay.age_mean(),
        "replay/size": float(len(agent.replay)),
    }
    metrics |= action_gap(q, allowed)
    metrics |= update_ratios(agent.net, agent.optimizer)
    obs = agent.replay.peek(64)
    metrics |= dead_relus(agent.net, obs, agent.head.condition)
    for part in agent.statistics:
        metrics |= part.metrics(obs)
    metrics["train/td_error"] = td_error
    metrics |= by_action(q, allowed)
    return metrics


def largest_q(agent: DQN, seen: Seen) -> float:
    """max |Q(s, a)| on the last batch over the allowed actions, in the environment's rewards."""
    q = agent.ops.numpy(seen.q())
    if seen.mask is not None:
        q = q[agent.ops.numpy(seen.mask)]
    return float(np.abs(q).max()) / agent.unit


def reachable_q(agent: DQN) -> float:
    """max |R|/(1 − γⁿ): what the largest n-step return in the memory adds up to, for ever repeated.

    Infinite for γ = 1, where returns have no bound.
    """
    least, most = returns_in_memory(agent)
    decay = agent.nstep.gamma**agent.nstep.n
    return max(-least, most) / (1 - decay) if decay < 1 else float("inf")


def returns_in_memory(agent: DQN) -> tuple[float, float]:
    """Least and greatest n-step return there, 0 among them, in the environment's rewards."""
    least, greatest = agent.replay.reward_range()
    return min(least, 0.0) / agent.reward_scale, max(greatest, 0.0) / agent.reward_scale
