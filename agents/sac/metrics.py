"""Numbers that show whether learning is healthy, from arrays that an update leaves behind."""

from __future__ import annotations

import numpy as np

from agents.metrics import update_ratios
from agents.sac.agent import ActorCritic, Seen


def update_metrics(agent: ActorCritic, seen: Seen) -> dict[str, float | np.ndarray]:
    """Of the last update, by TensorBoard name; values in the environment's own rewards.

    saturation  share of the policy's numbers beyond ±0.99, where tanh lets no gradient through
    """
    ops, unit = agent.ops, 1 / agent.reward_scale
    q = ops.numpy(seen.fit.q)
    metrics: dict[str, float | np.ndarray] = {
        "train/critic_loss": seen.fit.loss(),
        "train/q_mean": float(q.mean()) * unit,
        "train/q_max": float(q.max()) * unit,
        "train/td_error_abs": float(np.mean(ops.numpy(seen.fit.error))) * unit,
        "train/critic_grad_norm": seen.grad_norm,
        "train/ent_coef": agent.temperature.value,
        "train/ent_coef_loss": agent.temperature.loss,
        "train/learning_rate": agent.critic_optimizer.lr,
        "replay/size": float(len(agent.replay)),
    }
    if (climb := seen.climb) is not None:
        action, log_prob = ops.numpy(climb.action), ops.numpy(climb.log_prob)
        metrics |= {
            "train/actor_loss": float((climb.alpha * log_prob - ops.numpy(climb.q)).mean()),
            "train/entropy": -float(log_prob.mean()),
            "train/grad_norm": climb.grad_norm,
            "train/saturation": float((np.abs(action) > 0.99).mean()),
        }
        for i, numbers in enumerate(action.T):
            metrics[f"policy/action_{i}"] = numbers
    metrics |= update_ratios(agent.net, agent.optimizer)
    for part in agent.statistics:
        metrics |= part.metrics(agent.replay.peek(64))
    return metrics
