"""PQN, as the table of agents has it: see agents.row."""

from agents.pqn.build import build_pqn as build
from agents.pqn.charts import CHARTS
from agents.pqn.config import ADDED
from agents.pqn.config import PQNConfig as Config
from agents.pqn.parts import PQNParts as Parts
from agents.pqn.policy import load_policy
from agents.pqn.presets import preset
from agents.pqn.setting_up import FIXED, REMEDY, require_room, resolve, warnings

ACTIONS = ("Discrete", "MultiDiscrete", "MultiBinary")
INSTEAD = {"Box": ("discretise", 5)}

__all__ = [
    "ACTIONS", "ADDED", "CHARTS", "FIXED", "INSTEAD", "REMEDY", "Config", "Parts", "build",
    "load_policy", "preset", "require_room", "resolve", "warnings",
]  # fmt: skip
