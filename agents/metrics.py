"""Numbers of an update that any agent can log."""

from __future__ import annotations

from drl.nn import Network
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
