"""The unit of the rewards that are learnt from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RewardUnits:
    """r ↦ scale · r, cut to ± clip: an environment's rewards (B,) → those that are learnt from."""

    scale: float = 1.0
    clip: float = math.inf

    def __call__(self, reward: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(reward * self.scale, -self.clip, self.clip))


AS_THEY_ARE = RewardUnits()
