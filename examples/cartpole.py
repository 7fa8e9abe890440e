"""An agent in five lines: train, score on fresh episodes, save, load.

    python examples/cartpole.py [env steps]

It stops as soon as 100 greedy episodes average 490: after about a second.
"""

import sys

from agents import evaluate, load_policy, train
from envs import factory, make

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000

trained = train(factory("CartPole-v1"), seed=1, steps=steps)
result = evaluate(trained.policy, make("CartPole-v1", num_envs=100, seed=2), episodes=100)
print(f"after {trained.env_steps:,} env steps: mean return {result.mean:.1f} of 100 episodes")

trained.policy.save("cartpole.safetensors")
policy = load_policy("cartpole.safetensors")
env = make("CartPole-v1", num_envs=1, seed=3)
obs, _ = env.reset()  # (1, 4)
print("action:", policy(obs)[0], " Q(s, ·):", policy.q(obs)[0])
