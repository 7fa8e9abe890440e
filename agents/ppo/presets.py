"""Tuned settings per environment: each with why."""

from __future__ import annotations

from agents.ppo.config import A2CConfig, PPOConfig
from agents.presets import found, tuned_for
from agents.row import Preset

tuned, tuned_a2c = tuned_for(PPOConfig), tuned_for(A2CConfig)
PRESETS: dict[str, Preset] = {
    # rl-baselines3-zoo's: short rollouts, 20 epochs (4 learn too slowly), λ 0.8.
    "CartPole-v1": tuned(
        steps=100_000,
        num_envs=8,
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gamma=0.98,
        gae_lambda=0.8,
        lr=1e-3,
        lr_end=0.0,
        clip_range=0.2,
        clip_range_end=0.0,
        eval_every=2_000,
        eval_episodes=10,
        solved_at=490.0,
    ),
}
A2C_PRESETS: dict[str, Preset] = {
    # Stable-Baselines3's settings but for the length.
    "CartPole-v1": tuned_a2c(
        steps=300_000,
        num_envs=8,
        eval_every=5_000,
        eval_episodes=10,
        solved_at=490.0,
    ),
}
FAMILIES: dict[str, Preset] = {}


def preset(env_id: str) -> Preset | None:
    """The settings for this environment or its family; None where there are none."""
    return found(PRESETS, FAMILIES, env_id)


def a2c_preset(env_id: str) -> Preset | None:
    """A2C's for this environment; None where there are none."""
    return found(A2C_PRESETS, {}, env_id)
