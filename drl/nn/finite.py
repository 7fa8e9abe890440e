"""Training stops at the first number that is none, and says where it arose."""

from __future__ import annotations

import math

from drl.errors import Diverged
from drl.nn import Network
from drl.nn.ops import Array


def require_finite(norm: float, net: Network, flat: Array, what: str, update: int) -> None:
    """Diverged unless norm = ‖flat‖ is finite; flat is `net.params` or `net.grads`, and `what`
    calls it so.  The norm is given: whoever clips has read it from the device already."""
    if not math.isfinite(norm):
        raise Diverged(f"the norm of {net.first_nonfinite(flat)}'s {what}", update)
