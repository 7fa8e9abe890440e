"""An agent in five lines: train, score on fresh episodes, save, load.

    python examples/cartpole.py [env steps]

It stops as soon as 100 greedy episodes average 490: after about a second.  Its run is a new
directory right here: curves, checkpoints, the best policy.
"""

import sys
import tempfile

import gymnasium as gym

from drl import load_policy, load_run, train

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
directory = tempfile.mkdtemp(prefix="cartpole-", dir=".")

result = train("dqn", "CartPole-v1", run=directory, seed=1, steps=steps)
score = load_run(directory).evaluate(episodes=100)
print(f"after {result.env_steps:,} env steps: mean return {score.mean:.1f} of 100 episodes")

result.policy.save("cartpole.safetensors")
policy = load_policy("cartpole.safetensors")
obs, _ = gym.make("CartPole-v1").reset(seed=3)  # (4,)
print("action:", policy(obs), " V(s):", policy.value(obs))  # max_a Q(s, a)
