"""Training stops at the first NaN or Inf, and says in which layer it arose."""

from __future__ import annotations

import math

from drl.errors import Diverged
from drl.nn import Network
from drl.nn.ops import Array


def require_finite(norm: float, net: Network, flat: Array, what: str, update: int) -> None:
    """Raise Diverged unless the norm of the network's parameters or gradient is finite.

    norm    ‖flat‖, which the caller has read from the device already
    flat    `net.params` or `net.grads`
    what    its name in the message: "parameters", "gradient"
    update  number of the update, for the message
    """
    if not math.isfinite(norm):
        raise Diverged(f"the norm of {net.first_nonfinite(flat)}'s {what}", update)
