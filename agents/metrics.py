"""Numbers of an update that any agent can log."""

from __future__ import annotations

import numpy as np

from drl.nn import Network
from drl.nn.layers import ReLU
from drl.nn.ops import Array
from drl.nn.optim import Optimizer

SHOWN = 32  # actions that have a distribution of their own


def update_ratios(net: Network, optimizer: Optimizer) -> dict[str, float]:
    """‖Δθ‖/‖θ‖ of the last update, by layer; empty where the optimizer does not say Δθ."""
    change = optimizer.last_change()
    if change is None:
        return {}
    ratios = {}
    for name, span in net.spans.items():
        size = net.ops.norm(net.params[span])
        if size > 0:
            ratios[f"train/update_ratio/{name}"] = net.ops.norm(change[span]) / size
    return ratios


def dead_relus(
    net: Network, obs: np.ndarray, condition: Array | None = None
) -> dict[str, float]:  # fmt: skip
    """Share of each ReLU layer's neurons whose output is 0 for all observations (N, *shape), those
    inside branches too.   condition: as in net.forward."""
    outputs, shares = net.activations(obs, condition), {}
    for name, layer, _ in net.stages():
        if isinstance(layer, ReLU):
            active = net.ops.numpy(outputs[name]).reshape(len(obs), -1).any(axis=0)
            shares[f"train/dead_relu/{name}"] = float(1 - active.mean())
    return shares


def action_gap(q: np.ndarray, allowed: np.ndarray) -> dict[str, float]:
    """Mean of Q(s, a₁) − Q(s, a₂) for the best two actions, where there is a choice: how much it
    matters.   q, allowed: (B, A)."""
    choice = allowed.sum(axis=1) > 1  # (B,)
    if not choice.any():
        return {}
    best = np.sort(np.where(allowed, q, -np.inf)[choice], axis=1)
    return {"train/action_gap": float((best[:, -1] - best[:, -2]).mean())}


def by_action(q: np.ndarray, allowed: np.ndarray) -> dict[str, np.ndarray]:
    """Distributions of Q(·, a), of the first SHOWN actions.   q, allowed: (B, A)."""
    return {
        f"q/action_{a}": of_action[rows]
        for a, (of_action, rows) in enumerate(zip(q.T[:SHOWN], allowed.T[:SHOWN], strict=True))
        if rows.any()
    }
