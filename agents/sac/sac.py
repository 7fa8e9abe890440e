"""SAC, as the table of agents has it: see agents.row.

Haarnoja, Zhou, Hartikainen et al. 2018, "Soft Actor-Critic Algorithms and Applications".
"""

from __future__ import annotations

from functools import partial

from agents.sac.actor import Actor
from agents.sac.actors import GaussianActor
from agents.sac.charts import CHARTS
from agents.sac.config import SACConfig as Config
from agents.sac.critics import Critic, TwinQ
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
    """A Gaussian squashed by tanh, and twin critics."""
    return GaussianActor(ops, k), TwinQ(ops)


build = partial(build_soft, meaning=meaning)
load_policy = reader(Config, meaning)
PRESETS, preset = BY_AGENT["sac"], preset_of("sac")
