"""Tuned settings per environment: each with why."""

from __future__ import annotations

from agents.config import DQNConfig

PRESETS: dict[str, DQNConfig] = {
    # Observations in comparable units (the limits of position and angle, typical speeds) and a
    # slowly averaged target: first policy ≥ 475 after a few thousand env steps.
    "CartPole-v1": DQNConfig(
        steps=50_000,
        num_envs=16,
        hidden=(64, 64),
        scale=(1 / 2.4, 1 / 2, 1 / 0.21, 1 / 2),
        gamma=0.99,
        tau=0.005,
        lr=1e-3,
        lr_end=1e-4,
        lr_steps=50_000,
        batch=64,
        capacity=50_000,
        learning_starts=500,
        epsilon_end=0.05,
        epsilon_steps=3_000,
        eval_every=500,
        eval_episodes=10,
        solved_at=475.0,
        confirm_at=490.0,
    ),
}


def preset(env_id: str) -> DQNConfig:
    """The tuned settings for this environment, else the defaults."""
    return PRESETS.get(env_id, DQNConfig())
