"""PPO, as the table of agents has it: see agents.row."""

from agents.ppo.build import build_ppo as build
from agents.ppo.charts import CHARTS
from agents.ppo.config import PPOConfig as Config
from agents.ppo.parts import PPOParts as Parts
from agents.ppo.presets import PRESETS, preset
from agents.ppo.remembering import load_policy
from agents.ppo.setting_up import FIXED, REMEDY, require_room, resolve, warnings
from drl.action_space import KINDS

ACTIONS = KINDS

__all__ = [
    "ACTIONS", "CHARTS", "FIXED", "PRESETS", "REMEDY", "Config", "Parts", "build", "load_policy",
    "preset", "require_room", "resolve", "warnings",
]  # fmt: skip
