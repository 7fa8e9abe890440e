"""Numbers of an update that any agent can log."""

from __future__ import annotations

import numpy as np

from drl.nn import Network
from drl.nn.layers import ReLU
from drl.nn.ops import Array
from drl.nn.optim import Optimizer


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
