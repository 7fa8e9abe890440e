"""DQNs whose memory is filled, in environments with the spaces of CartPole."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Discrete

from agents.dqn.agent import DQN
from agents.dqn.build import build_dqn
from agents.dqn.config import DQNConfig
from agents.dqn.parts import Parts
from agents.setup import Setup
from drl.environment import Step

INPUTS, ACTIONS = 4, 2
FAILS = 0.05  # of the steps that look like CartPole's


def build(
    config: DQNConfig, num_envs: int, backend: str = "auto", parts: Parts | None = None
) -> DQN:
    """The agent with seed 0 in `num_envs` environments; its memory is empty."""
    seen = Box(-np.inf, np.inf, (INPUTS,), np.float32)
    setup = Setup(seen, Discrete(ACTIONS), num_envs, seed=0, backend=backend)
    return build_dqn(config, setup, parts or Parts())


def fill(agent: DQN, num_envs: int, rounds: int, fails: float = FAILS) -> None:
    """`rounds` steps of `num_envs` environments: a reward of 1 each, terminated with probability
    `fails`, never truncated."""
    rng, never = np.random.default_rng(0), np.zeros(num_envs, bool)
    for _ in range(rounds):
        s, s_next = rng.normal(size=(2, num_envs, INPUTS)).astype(np.float32)
        a, terminated = rng.integers(ACTIONS, size=num_envs), rng.random(num_envs) < fails
        agent.observe(s, a, Step(s_next, np.ones(num_envs), terminated, never, s_next))
