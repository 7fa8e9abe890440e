"""The probes of hindsight: goals that chance hardly ever reaches (envs.probes has the others)."""

from __future__ import annotations

from typing import ClassVar

from envs.bit_flip import BitFlip
from envs.reach import Reach

OTHERWISE = (
    "what was achieved is not learnt from: look at which goal stands for the desired one (one that "
    "the same episode achieves later), whether s and s′ have it both, and whether the reward and "
    "the end are those that it would have brought"
)


class ProbeGoals(BitFlip):
    """BitFlip of 6 bits: one word of 64 is wanted, within 6 steps.   Proves that hindsight works:
    without it a quarter of the episodes at most reach it after 2,000 steps."""

    id = "drl/ProbeGoals-v0"
    bits = 6
    fps = 2.0
    otherwise: ClassVar[str] = OTHERWISE


class ProbeReach(Reach):
    """Reach with a step of 0.25 and a tolerance of 0.1, within 12 steps: the same for continuous
    actions."""

    id = "drl/ProbeReach-v0"
    stride, tolerance, time_limit = 0.25, 0.1, 12
    fps = 2.0
    otherwise: ClassVar[str] = OTHERWISE
