"""PPO and A2C learn what they are tuned for, over seeds; Pendulum beside its best controller."""

import numpy as np
import pytest
from swing_up import SwingUp

import drl
from agents.evaluation import evaluate_fresh
from drl.api.score import score
from drl.rng import unseen_seed
from envs.sources import source


def last_policies(agent: str, env: str, seeds: range) -> list[float]:
    """Mean of 100 greedy episodes of each seed's last policy, from the same starts."""
    scores = []
    for seed in seeds:
        result = drl.train(agent, env, seed=seed, solved_at=None, eval_every=10**9, progress=False)
        scores.append(score(result.policy, source(env)).mean)
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["ppo", "a2c"])
def test_cartpole_over_seeds(agent: str) -> None:
    scores = last_policies(agent, "CartPole-v1", range(101, 106))
    assert sorted(scores)[1] >= 475, scores  # all but one


@pytest.mark.slow
def test_pendulum_is_near_the_best_controller() -> None:
    env = "drl/Pendulum-v1"
    best = evaluate_fresh(SwingUp(), source(env), 100, unseen_seed(7)).mean
    assert -160 < best < -130
    scores = last_policies("ppo", env, range(101, 104))
    assert np.mean(scores) > best - 25, scores


@pytest.mark.slow
def test_the_controller_swings_up_and_holds() -> None:
    """From hanging still: after 100 steps upright, whatever the first torques were."""
    env = source("drl/Pendulum-v1")(num_envs=1, seed=3)
    control = SwingUp(angles=90, speeds=91)
    obs, _ = env.reset()
    env.rows[:] = [[np.pi], [0.0]]
    obs = env.observe(env.rows)
    for _ in range(100):
        obs = env.step(control(obs)).obs
    assert obs[0, 0] > 0.95 and abs(obs[0, 2]) < 1
