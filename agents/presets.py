"""Tuned settings per environment: each with why."""

from __future__ import annotations

from dataclasses import replace

from agents.config import DQNConfig

PRESETS: dict[str, DQNConfig] = {
    # scale: position and angle over their limits, the speeds over what is usual.
    # reward_scale: Q is at most 0.05/(1 − γ) = 5, so that Huber hears a failure (a step worth 100
    #   that is worth 1) louder than a hundred small errors; without it 4 of 16 seeds were not
    #   solved in 20,000 env steps and most policies decayed (docs/decisions/reward-scale.md).
    # n_step 3 with a copy every 50 updates: failures reach the states that led to them sooner; of
    #   the parts that were tried it did most for policies that stay good.
    # lr to a hundredth: late updates polish instead of overturning.
    # solved_at: 490 where 475 is asked for, since the best of many checks flatters itself.
    # Scored: 48 of 48 tuning seeds solved, median 1,500 env steps, worst 23,000.
    "CartPole-v1": DQNConfig(
        steps=50_000,
        num_envs=16,
        hidden=(64, 64),
        scale=(1 / 2.4, 1 / 2, 1 / 0.21, 1 / 2),
        gamma=0.99,
        n_step=3,
        reward_scale=0.05,
        target_period=50,
        tau=1.0,
        lr=1e-3,
        lr_end=1e-5,
        lr_steps=40_000,
        batch=64,
        capacity=50_000,
        learning_starts=500,
        epsilon_end=0.05,
        epsilon_steps=3_000,
        eval_every=250,
        eval_episodes=10,
        solved_at=490.0,
    ),
}


def preset(env_id: str) -> DQNConfig:
    """The tuned settings for this environment, else the defaults."""
    return PRESETS.get(env_id, DQNConfig())


def rainbow(config: DQNConfig) -> DQNConfig:
    """All parts of Rainbow on these settings.   Hessel et al. 2018, Table 1.

    Double, dueling, prioritized replay, 3-step returns, C51 and noisy layers; α = 0.5 and β from
    0.4 to 1 as there.  The learning rate stays the environment's.
    """
    return replace(
        config, bootstrap="double", dueling=True, prioritized=True, priority_alpha=0.5,
        priority_beta=0.4, n_step=max(3, config.n_step), head="c51", noisy=True,
    )  # fmt: skip
