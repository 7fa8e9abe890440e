"""Your own schedules and your own exploration: functions and objects, no registry.

python examples/own_exploration.py [env steps]
"""

import sys
from typing import Any

import numpy as np

from agents import Parts
from drl import train
from drl.nn.schedules import Constant, Cosine, Schedule


def staircase(env_steps: int) -> float:
    """ε: 1, then halved every 500 env steps, never below 0.02."""
    return max(0.02, 0.5 ** (env_steps // 500))


class Sticky:
    """With probability ε the action of the step before, in each environment: what inertia does.

    state and load_state make a resumed run go on to the same bytes.
    """

    def __init__(self, epsilon: Schedule, actions: int, num_envs: int, seed: int) -> None:
        self.epsilon, self.rng = epsilon, np.random.default_rng(seed)
        self.last = self.rng.integers(actions, size=num_envs)

    def __call__(
        self, greedy: np.ndarray, env_steps: int, mask: np.ndarray | None = None
    ) -> np.ndarray:  # fmt: skip
        sticks = self.rng.random(len(greedy)) < self.epsilon(env_steps)
        if mask is not None:  # (N, A), where the environment tells which actions are allowed
            sticks &= mask[np.arange(len(greedy)), self.last]
        self.last = np.where(sticks, self.last, greedy)
        return self.last

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state, "last": self.last.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state, self.last = state["rng"], state["last"]


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
for name, parts in {
    "ε in stairs, α on a cosine": Parts(epsilon=staircase, lr=Cosine(1e-3, 1e-5, 25_000)),
    "sticky actions": Parts(exploration=Sticky(Constant(0.2), actions=2, num_envs=16, seed=1)),
}.items():
    result = train("dqn", "CartPole-v1", parts=parts, seed=1, steps=steps, progress=False)
    print(f"{name}: best evaluation {result.mean_reward:.1f} after {result.env_steps:,} env steps")
