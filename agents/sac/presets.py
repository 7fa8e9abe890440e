"""Tuned settings per environment: each with why."""

from __future__ import annotations

from collections.abc import Callable

from agents.presets import found, tuned_for
from agents.row import Preset
from agents.sac.config import SACConfig, TD3Config, TQCConfig

sac, td3, tqc = map(tuned_for, (SACConfig, TD3Config, TQCConfig))
BY_AGENT: dict[str, dict[str, Preset]] = {
    "sac": {
        # reward_scale: returns are down to −1,600; with 0.1 Q is as large as α at its start.
        "Pendulum-v1": sac(
            steps=10_000,
            num_envs=1,
            hidden=(64, 64),
            reward_scale=0.1,
            lr=1e-3,
            batch_size=100,
            buffer_size=10_000,
            eval_every=1_000,
            eval_episodes=20,
        ),
    },
    "td3": {},
    "tqc": {},
    "crossq": {},
}


def preset_of(name: str) -> Callable[[str], Preset | None]:
    """The presets of the agent of this name: env_id → Preset; None where there is none."""
    return lambda env_id: found(BY_AGENT[name], {}, env_id)
