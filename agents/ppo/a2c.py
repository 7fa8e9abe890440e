"""A2C, as the table of agents has it: PPO with its parts taken out (see agents.row)."""

from functools import partial

from agents.ppo.build import build_a2c as build
from agents.ppo.charts import A2C_CHARTS as CHARTS
from agents.ppo.config import A2CConfig as Config
from agents.ppo.parts import A2CParts as Parts
from agents.ppo.presets import A2C_PRESETS as PRESETS
from agents.ppo.presets import a2c_preset as preset
from agents.ppo.remembering import load_policy as load_actor_critic
from agents.ppo.setting_up import FIXED, REMEDY, require_room, resolve
from drl.action_space import KINDS

load_policy = partial(load_actor_critic, kind=Config)
ACTIONS = KINDS

__all__ = [
    "ACTIONS", "CHARTS", "FIXED", "PRESETS", "REMEDY", "Config", "Parts", "build", "load_policy",
    "preset", "require_room", "resolve",
]  # fmt: skip
