"""Environments that misbehave, for tests in processes of their own: `python -c "import odd_envs"`
with this directory on the path registers them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np


class Endless(gym.Env[np.ndarray, int]):
    """Never ends, 1 for each step.  It keeps a diary in $DIARY, where there is one."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    seconds = 0.0  # that a step takes

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        wrote("made")

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> Any:
        time.sleep(self.seconds)
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), 1.0, False, False, {}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)

    def close(self) -> None:
        wrote("closed")

    def state(self) -> dict[str, Any]:
        return {}  # nobody has to find out how an episode can be played again

    def load_state(self, state: dict[str, Any]) -> None:
        pass


class Slow(Endless):
    seconds = 0.05


def wrote(word: str) -> None:
    if diary := os.environ.get("DIARY"):
        with open(diary, "a") as file:
            print(word, file=file)


gym.register("odd/Endless-v0", Endless, disable_env_checker=True)
gym.register("odd/Slow-v0", Slow, disable_env_checker=True)


def command(*args: str) -> list[str]:
    """`drl …` in a process that knows these environments."""
    here = str(Path(__file__).parent)
    program = (
        f"import sys; sys.path.insert(0, {here!r}); import odd_envs\n"
        "from drl.cli.main import main; sys.exit(main())"
    )
    return [sys.executable, "-c", program, *args]
