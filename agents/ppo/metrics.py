"""Numbers that show whether learning is healthy, of a rollout and all gradient steps on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.metrics import dead_relus, update_ratios
from agents.ppo.agent import PPO, Learnt, Seen, kl_estimate
from drl.experiment.task import Metrics


def ppo_metrics(agent: PPO, learnt: Learnt) -> Metrics:
    """Those of any actor and critic, and of clipping."""
    last = learnt.seen[-1]
    return {
        **rollout_metrics(agent, learnt),
        "train/approx_kl": _mean(
            learnt, lambda seen: kl_estimate(_log_ratio(agent, seen)), last.epoch
        ),
        "train/clip_fraction": _mean(learnt, lambda seen: _clipped(agent, seen)),
        "train/clip_range": last.clip,
    }


def rollout_metrics(agent: PPO, learnt: Learnt) -> Metrics:
    """By TensorBoard name, Stable-Baselines3's where it has one; means over the gradient steps.
    Arrays are distributions over the rollout.

    entropy_loss          −H
    explained_variance    1 − Var(R − V)/Var(R): 1 is a perfect critic, 0 one that says nothing
    value_mean, return_mean  V as it was when the rollout was over, R that it is fitted to, in units
                          of the rewards that are learnt from
    std                   mean σ of continuous actions, in units of half the action space
    grad_norm             before clipping
    update_ratio          ‖Δθ‖/‖θ‖ of the last step, by layer; about 1e-3 is healthy
    dead_relu             share of a layer's neurons that are zero for 64 rows of the rollout
    """
    ops, rows = agent.ops, learnt.rows
    policy_loss = _mean(learnt, lambda seen: seen.policy.loss())
    value_loss = _mean(learnt, lambda seen: seen.value.loss())
    entropy = _mean(learnt, lambda seen: float(ops.mean(seen.entropy)))
    spread = float(np.var(rows.returns))
    metrics: dict[str, float | np.ndarray] = {
        "train/loss": policy_loss + agent.vf_coef * value_loss - agent.ent_coef * entropy,
        "train/policy_gradient_loss": policy_loss,
        "train/value_loss": value_loss,
        "train/entropy_loss": -entropy,
        "train/value_mean": float(rows.value.mean()),
        "train/return_mean": float(rows.returns.mean()),
        "train/advantage_std": float(rows.advantage.std()),
        "train/grad_norm": _mean(learnt, lambda seen: seen.grad_norm),
        "train/learning_rate": learnt.lr,
        "train/n_updates": float(agent.updates),
    }
    if spread > 0:  # else there is nothing to explain
        error = float(np.var(rows.returns - rows.value))
        metrics["train/explained_variance"] = 1 - error / spread
    if (std := agent.policy().std()) is not None:
        metrics["train/std"] = std
    metrics |= update_ratios(agent.net, agent.optimizer)
    s = agent.rollout.storage.decode(rows.s[:64])
    metrics |= dead_relus(agent.net, s)
    for part in agent.statistics:
        metrics |= part.metrics(s)
    metrics["train/advantage"], metrics["train/value"] = rows.advantage, rows.value
    return metrics


def _mean(learnt: Learnt, of: Callable[[Seen], float], epoch: int = 0) -> float:
    """Over the gradient steps, from an epoch on."""
    return float(np.mean([of(seen) for seen in learnt.seen if seen.epoch >= epoch]))


def _log_ratio(agent: PPO, seen: Seen) -> np.ndarray:
    return agent.ops.numpy(seen.policy.log_ratio)


def _clipped(agent: PPO, seen: Seen) -> float:
    """Share of the rows with |r − 1| > ε."""
    ratio = np.exp(_log_ratio(agent, seen))
    return float((np.abs(ratio - 1) > seen.clip).mean())
