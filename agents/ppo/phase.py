"""A full rollout on its way through the epochs: its rows.

Shapes: B rows, one for each step of each environment; D numbers of z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """What a rollout is learnt from, or a minibatch of it."""

    s: np.ndarray  # (B, *shape), in a minibatch; of a whole rollout as its storage keeps them
    a: np.ndarray  # (B, *action shape) samples
    log_prob: np.ndarray  # (B,) log π(a|s) of the policy that acted
    value: np.ndarray  # (B,) V(s) when the rollout was over
    advantage: np.ndarray  # (B,) A
    returns: np.ndarray  # (B,) R = A + V(s), which V is fitted to
    mask: np.ndarray | None = None  # (B, D) bool, the actions that s allows; None: all
    h: np.ndarray | None = None  # (B, S) states before the rows; None: there are none
    starts: np.ndarray | None = None  # (B,) bool, where an episode begins, with a state of 0
