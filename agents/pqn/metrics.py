"""Numbers that show whether learning is healthy, of a rollout and all gradient steps on it."""

from __future__ import annotations

import numpy as np

from agents.metrics import action_gap, by_action, dead_relus, update_ratios
from agents.pqn.agent import PQN, Learnt
from drl.experiment.task import Metrics


def pqn_metrics(agent: PQN, learnt: Learnt) -> Metrics:
    """By TensorBoard name, Stable-Baselines3's where it has one; values in the environment's own
    rewards.  Losses and errors are means over the gradient steps; Q is that of the last one.
    Arrays are distributions over its minibatch.

    target_mean   the λ-returns that Q is fitted to
    action_gap    mean of Q(s, a₁) − Q(s, a₂) for the best two actions: how much the choice matters
    grad_norm     before clipping
    update_ratio  ‖Δθ‖/‖θ‖ of the last step, by layer; about 1e-3 is healthy
    dead_relu     share of a layer's neurons that are zero for 64 rows of the rollout
    """
    ops, rows, last = agent.ops, learnt.rows, learnt.seen[-1]
    unit = 1 / agent.policy().unit
    q = ops.numpy(last.q) * unit  # (B, A)
    allowed = np.ones(q.shape, np.bool_) if last.mask is None else last.mask  # (B, A)
    known = q[allowed]  # learning has never looked at the others
    errors = [ops.numpy(seen.fit.td_error) for seen in learnt.seen]  # (B,) each
    metrics: dict[str, float | np.ndarray] = {
        "train/loss": float(np.mean([seen.fit.loss() for seen in learnt.seen])),
        "train/td_error_abs": float(np.mean([np.abs(error).mean() for error in errors])) * unit,
        "train/q_mean": float(known.mean()),
        "train/q_max": float(known.max()),
        "train/target_mean": float(rows.returns.mean()) * unit,
        "train/grad_norm": float(np.mean([seen.grad_norm for seen in learnt.seen])),
        "train/learning_rate": learnt.lr,
        "train/n_updates": float(agent.updates),
    }
    metrics |= action_gap(q, allowed)
    metrics |= update_ratios(agent.net, agent.optimizer)
    s = agent.rollout.storage.decode(rows.s[:64])
    metrics |= dead_relus(agent.net, s)
    for part in agent.statistics:
        metrics |= part.metrics(s)
    metrics["train/td_error"] = errors[-1]
    metrics |= by_action(q, allowed)
    return metrics
