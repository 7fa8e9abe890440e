"""Your own vectorised environment: the physics of all N environments at once, an array operation a
line.

    python examples/own_vector_env.py [env steps]

The clock, resets, seeds and saved states come with `NumpyEnv`; the class itself goes to `train`.
"""

import sys
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from agents import DQNConfig, evaluate
from drl import Callback, train
from envs import NumpyEnv


class Lander(NumpyEnv):
    """Rows: height (m) and speed (m/s) of a craft that falls; action 1 fires its engine.

    Observations (2,): both.  Terminated at the ground: 1 for a touch down below 1 m/s, else −1;
    each firing costs 0.01.  Nothing else ends it but the clock.
    """

    observation_space = Box(-np.inf, np.inf, (2,), np.float32)
    action_space = Discrete(2)
    time_limit = 200  # agent steps

    def initial(self, count: int) -> np.ndarray:
        return np.stack([self.rng.uniform(5, 10, count), np.zeros(count)])

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        height, speed = rows
        speed = speed + 0.1 * (np.where(actions == 1, 3.0, 0.0) - 1.6)  # the Moon's 1.6 m/s²
        height = height + 0.1 * speed
        down = height <= 0
        landed = np.where(speed > -1.0, 1.0, -1.0) * down
        return np.stack([height, speed]), landed - 0.01 * (actions == 1), down

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)  # (N, 2), a fresh array


class Told(Callback):
    """A line after each evaluation."""

    def on_evaluation(self, experiment: Any, evaluated: Any) -> None:
        print(f"{experiment.step:,}: {evaluated.score:.2f}")


if __name__ == "__main__":  # the file is imported where a run names Lander
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    config = DQNConfig(hidden=(64, 64), scale=(0.1, 0.3), n_step=3, epsilon_steps=10_000)

    result = train(
        "dqn", Lander, config, seed=1, steps=steps, eval_every=2_000, eval_episodes=50,
        solved_at=0.6, callbacks=[Told()], progress=False,
    )  # fmt: skip
    score = evaluate(result.policy, Lander(num_envs=100, seed=2), episodes=100)
    print(f"mean return {score.mean:.2f}, landed softly: {np.mean(score.returns > 0):.0%}")
