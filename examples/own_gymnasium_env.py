"""Your own Gymnasium env: its class is all that `train` needs.

    python examples/own_gymnasium_env.py [env steps]

The run's directory, right here, has curves, checkpoints and the best policy.
"""

import sys
import tempfile
from typing import Any

import gymnasium as gym
import numpy as np

from agents import DQNConfig, evaluate
from drl import load_run, train
from envs import make


class Shower(gym.Env[np.ndarray, np.int64]):
    """Turn the tap until the water is right; it answers late.

    Observations (2,): how far the water and the tap are from 38 °C, in units of 10 °C.  Actions: 0
    colder, 1 leave, 2 warmer, by 1 °C.  Reward: minus the distance, at every step.  60 steps.
    """

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-5, 5, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3)

    def reset(
        self, *, seed: int | None = None, options: Any = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.water, self.tap = self.np_random.uniform(-2, 2, size=2)
        self.steps = 0
        return self.seen(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.tap = float(np.clip(self.tap + 0.1 * (int(action) - 1), -3, 3))
        self.water += 0.2 * (self.tap - self.water)
        self.steps += 1
        # the clock ends the episode, not the environment: truncated, and Q(s′) is still
        # bootstrapped
        return self.seen(), -abs(self.water), False, self.steps == 60, {}

    def seen(self) -> np.ndarray:
        return np.array([self.water, self.tap], np.float32)


if __name__ == "__main__":  # the file is imported where a run names Shower
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    directory = tempfile.mkdtemp(prefix="shower-", dir=".")  # of the run
    config = DQNConfig(
        hidden=(64, 64), gamma=0.97, epsilon_steps=5_000, lr_end=1e-5, lr_steps=20_000
    )

    train(
        "dqn", Shower, config, run=directory, seed=1, steps=steps, eval_every=2_000,
        eval_episodes=50,
    )  # fmt: skip
    score = load_run(directory).evaluate(episodes=50)
    tap_alone = evaluate(lambda obs: np.ones(len(obs), int), make(Shower, num_envs=50, seed=2), 50)
    print(f"mean return {score.mean:.1f}; a tap that is left alone: {tap_alone.mean:.1f}")
