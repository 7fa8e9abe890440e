"""Deep Q-learning, as the table of agents has it: see agents.row."""

from agents.dqn.build import build_dqn as build
from agents.dqn.charts import CHARTS
from agents.dqn.config import DQNConfig as Config
from agents.dqn.config import from_settings
from agents.dqn.parts import Parts
from agents.dqn.policy import load_policy
from agents.dqn.presets import PRESETS, VARIANTS, preset
from agents.dqn.setting_up import FIXED, REMEDY, callbacks, require_room, resolve, warnings

ACTIONS = ("Discrete", "MultiDiscrete", "MultiBinary")
INSTEAD = {"Box": ("discretise", 5)}

__all__ = [
    "ACTIONS", "CHARTS", "FIXED", "INSTEAD", "PRESETS", "REMEDY", "VARIANTS", "Config", "Parts",
    "build", "callbacks", "from_settings", "load_policy", "preset", "require_room", "resolve",
    "warnings",
]  # fmt: skip
