"""TQC, as the table of agents has it: SAC with many quantiles in place of two means.

Kuznetsov et al. 2020, "Controlling Overestimation Bias with Truncated Mixture of Continuous
Distributional Quantile Critics".
"""

from __future__ import annotations

from functools import partial

from agents.sac.actor import Actor
from agents.sac.actors import GaussianActor
from agents.sac.charts import CHARTS
from agents.sac.config import TQCConfig as Config
from agents.sac.critics import Critic, TruncatedQuantiles
from agents.sac.parts import SACParts as Parts
from agents.sac.presets import BY_AGENT, preset_of
from agents.sac.rows import ACTIONS, ADDED, FIXED, REMEDY, reader, require_room, resolve
from agents.sac.soft import build_soft
from drl.nn.ops import Ops

__all__ = [
    "ACTIONS", "ADDED", "CHARTS", "FIXED", "PRESETS", "REMEDY", "Config", "Parts", "build",
    "load_policy", "preset", "require_room", "resolve",
]  # fmt: skip


def meaning(config: Config, ops: Ops, k: int) -> tuple[Actor, Critic]:
    """A Gaussian squashed by tanh, and critics of quantiles."""
    critic = TruncatedQuantiles(ops, config.critics, config.quantiles, config.drop)
    return GaussianActor(ops, k), critic


build = partial(build_soft, meaning=meaning)
load_policy = reader(Config, meaning)
PRESETS, preset = BY_AGENT["tqc"], preset_of("tqc")
