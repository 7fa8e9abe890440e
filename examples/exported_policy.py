"""A policy elsewhere: an exported network, numpy and nothing of ours.

    python examples/exported_policy.py policy.npz

Without a file, a short run is trained and exported first.
"""

import json
import sys
import tempfile
from typing import Any

import gymnasium as gym
import numpy as np


def q_values(file: Any, x: np.ndarray) -> np.ndarray:
    """(B, 4) → (B, 2): the chain of layers that the file describes, those of CartPole's network.

    docs/export.md has the code for all layers.
    """
    for layer in json.loads(str(file["description"]))["layers"]:
        kind, name = layer["kind"], layer["name"]
        if kind == "scale":
            x = x * file[f"{name}.W"]
        elif kind == "linear":
            x = x @ file[f"{name}.W"] + file[f"{name}.b"]
        elif kind == "relu":
            x = np.maximum(x, 0)
        else:
            raise ValueError(f"no code for {kind} here")
    return x


if len(sys.argv) > 1:
    path = sys.argv[1]
else:
    from drl import load_run, train

    directory = tempfile.mkdtemp()
    path = f"{directory}/policy.npz"
    train("dqn", "CartPole-v1", run=f"{directory}/run", steps=2_000, log="none")
    load_run(f"{directory}/run").export(path)

file = np.load(path)
env: gym.Env[np.ndarray, int] = gym.make("CartPole-v1")
obs, _ = env.reset(seed=1)
total, ended = 0.0, False
while not ended:
    obs, reward, terminated, truncated, _ = env.step(int(q_values(file, obs[None])[0].argmax()))
    total, ended = total + float(reward), terminated or truncated
print(f"one episode with numpy alone: return {total:.0f}")
