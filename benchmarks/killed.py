"""Runs in anybody's environments, killed at random moments, resumed, and held against a training
that nobody has killed: is every byte the same?

    python benchmarks/killed.py [ENV …]

Each run is killed by SIGKILL three times on its way; then `drl verify` trains it anew from its
start and compares.  Continuous actions are made five discrete ones by a wrapper of this file.
Packages that are not installed are left out: pip install 'gymnasium[box2d,mujoco]' minigrid
highway-env
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

HERE = Path(__file__).resolve()
ENVS = {  # name → what is asked of `drl train dqn`
    "LunarLander-v3": [],
    "BipedalWalker-v3": ["--wrapper", f"{HERE}:Discretised"],
    "HalfCheetah-v5": ["--wrapper", f"{HERE}:Discretised"],
    "Hopper-v5": ["--wrapper", f"{HERE}:Discretised"],
    "minigrid:MiniGrid-Dynamic-Obstacles-5x5-v0": [
        "--wrapper", "minigrid.wrappers:ImgObsWrapper"
    ],
    "highway_env:highway-fast-v0": [],
    f"{HERE}:Own": [],
    f"{HERE}:Entropy": [],
}  # fmt: skip
KILLS = 3
STEPS = ["--steps", "1500", "--checkpoint-every", "200", "--num-envs", "2", "--eval-every", "500",
         "--eval-episodes", "2", "--learning-starts", "100", "--hidden", "16", "--log", "minimal",
         "--log-to", "csv", "--eval-max-steps", "200"]  # fmt: skip


class Discretised(gym.ActionWrapper[Any, Any, Any]):
    """A Box of actions as five of its points: its middle, and both ends of two random lines."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        space: Any = env.action_space
        lines = np.random.default_rng(0).uniform(-1, 1, (2, *space.shape))
        middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
        points = [middle, *(middle + sign * half * line for line in lines for sign in (1, -1))]
        self.points = np.array(points, space.dtype)
        self.action_space = gym.spaces.Discrete(len(points))

    def action(self, action: Any) -> np.ndarray:
        """The point of this number."""
        point: np.ndarray = self.points[action]
        return point


class Own(gym.Env[np.ndarray, int]):
    """A walk with a hidden speed, noise from Gymnasium's generator, and a memory of its episodes'
    number that shows in nothing."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """At a random place."""
        super().reset(seed=seed)
        self.x, self.v, self.t = float(self.np_random.normal()), 0.0, 0
        return self._seen(), {}

    def step(self, action: int) -> Any:
        """Pushed to a side, and blown about."""
        self.v = 0.9 * self.v + 0.1 * (int(action) - 1) + 0.02 * float(self.np_random.normal())
        self.x, self.t = self.x + self.v, self.t + 1
        return self._seen(), -abs(self.x), abs(self.x) > 5, self.t == 100, {}

    def _seen(self) -> np.ndarray:
        return np.array([self.x, self.t / 100], np.float32)


class Entropy(Own):
    """One that draws from the system: nobody can play it again, and it has to be named."""

    def step(self, action: int) -> Any:
        """Blown about by what no seed decides."""
        self.x += random.SystemRandom().gauss(0, 0.05)
        return super().step(action)


def drl(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "drl", *words], capture_output=True, text=True, check=False
    )


def killed(command: list[str], after: float, words: Any) -> bool:
    """Start it, and kill it after so many seconds; False where it came to its end before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drl", *command], stdout=subprocess.DEVNULL, stderr=words
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def measure(env: str, flags: list[str], dice: random.Random) -> str:
    """What became of one run, in words."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as words:
        run = str(Path(scratch) / "run")
        train = ["train", "dqn", "--env", env, *flags, *STEPS]
        started = time.perf_counter()
        whole = drl(*train, "--run", run + "-whole")
        seconds = time.perf_counter() - started
        if whole.returncode:
            return f"not trained: {whole.stderr.strip().splitlines()[-1]}"
        again = [*train, "--run", run, "--resume-or-start"]
        kills = sum(killed(again, dice.uniform(0.3, 0.9) * seconds, words) for _ in range(KILLS))
        words.write(drl(*again).stderr)
        words.seek(0)
        said = [line for line in words if "episodes begin anew" in line]
        verified = drl("verify", run, "--json")
        try:
            found = json.loads(verified.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return f"not verified: {verified.stderr.strip()}"
        same = "every byte the same" if found["same"] else f"differs: {found['where']}"
        return f"{kills} kills, {same}" + (f"; said: {said[0].strip()}" if said else "")


def main() -> None:
    """A line for each environment."""
    dice = random.Random(int(time.time()))
    for env in sys.argv[1:] or ENVS:
        print(f"{env.removeprefix(str(HERE.parent))}: {measure(env, ENVS.get(env, []), dice)}",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
