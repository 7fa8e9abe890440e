"""Agents that learn from experience.

The names of all agents but DQN are fetched when they are first asked for: whoever trains a DQN
needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agents.agent import Agent
from agents.config import ExperimentConfig
from agents.dqn.agent import DQN
from agents.dqn.build import build_dqn
from agents.dqn.config import DQNConfig
from agents.dqn.heads import Head, Target, best_action
from agents.dqn.networks import build_head, build_network
from agents.dqn.parts import Parts
from agents.dqn.policy import DQNPolicy
from agents.dqn.presets import PRESETS, preset, rainbow
from agents.dqn.targets import Bounded, Munchausen, TargetFunction, double_q_target, q_target
from agents.evaluation import Evaluation, evaluate
from agents.exploration import EpsilonGreedy, Exploration, EzGreedy
from agents.memory.replay import Batch, ReplayBuffer
from agents.parts import BuildNet, OwnParts
from agents.policy import SavedPolicy
from agents.recurrent import RecurrentPolicy
from agents.row import Preset, Variant
from agents.setup import Setup
from agents.task import RLTask
from drl.errors import Diverged, EnvFailed
from drl.experiment.task import Update

if TYPE_CHECKING:
    from agents.ppo.agent import PPO
    from agents.ppo.build import build_a2c, build_ppo
    from agents.ppo.config import A2CConfig, PPOConfig
    from agents.ppo.parts import A2CParts, PPOParts
    from agents.ppo.policy import ActorCriticPolicy
    from agents.pqn.agent import PQN
    from agents.pqn.build import build_pqn
    from agents.pqn.config import PQNConfig
    from agents.pqn.parts import PQNParts
    from agents.pqn.policy import PQNPolicy
    from agents.sac.agent import ActorCritic
    from agents.sac.config import CrossQConfig, SACConfig, TD3Config, TQCConfig
    from agents.sac.parts import CrossQParts, SACParts, TD3Parts
    from agents.sac.policy import ContinuousPolicy, GaussianPolicy
    from agents.stochastic import StochasticPolicy

LATE = {
    "PPO": "agents.ppo.agent", "build_a2c": "agents.ppo.build", "build_ppo": "agents.ppo.build",
    "A2CConfig": "agents.ppo.config", "PPOConfig": "agents.ppo.config",
    "ActorCriticPolicy": "agents.ppo.policy", "ActorCritic": "agents.sac.agent",
    "CrossQConfig": "agents.sac.config", "SACConfig": "agents.sac.config",
    "TD3Config": "agents.sac.config", "TQCConfig": "agents.sac.config",
    "ContinuousPolicy": "agents.sac.policy", "GaussianPolicy": "agents.sac.policy",
    "StochasticPolicy": "agents.stochastic",
    "PQN": "agents.pqn.agent", "build_pqn": "agents.pqn.build", "PQNConfig": "agents.pqn.config",
    "PQNPolicy": "agents.pqn.policy", "PPOParts": "agents.ppo.parts",
    "A2CParts": "agents.ppo.parts", "PQNParts": "agents.pqn.parts",
    "SACParts": "agents.sac.parts", "CrossQParts": "agents.sac.parts",
    "TD3Parts": "agents.sac.parts",
}  # fmt: skip
DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "A2CConfig", "ActorCritic", "ActorCriticPolicy", "ContinuousPolicy", "CrossQConfig",
    "GaussianPolicy", "PPO", "PPOConfig", "SACConfig", "StochasticPolicy", "TD3Config", "TQCConfig",
    "build_a2c", "build_ppo",
    "PQN", "PQNConfig", "PQNPolicy", "build_pqn",
    "A2CParts", "CrossQParts", "OwnParts", "PPOParts", "PQNParts", "SACParts", "TD3Parts",
    "DQN", "PRESETS", "Agent", "Batch", "Bounded", "BuildNet", "DQNConfig", "DQNPolicy", "Diverged",
    "EnvFailed", "EpsilonGreedy", "Evaluation", "Exploration", "ExperimentConfig", "EzGreedy",
    "Head", "Munchausen", "Parts", "Preset", "RLTask", "RecurrentPolicy", "ReplayBuffer",
    "SavedPolicy", "Setup", "Target", "TargetFunction", "Update", "Variant", "best_action",
    "build_dqn", "build_head", "build_network", "double_q_target", "evaluate", "preset", "q_target",
    "rainbow",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(LATE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LATE})
