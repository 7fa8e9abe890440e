"""A new variant of DQN: one function, the bootstrap.

python examples/own_target.py [env steps]
"""

import sys

from agents import Batch, Head, Parts, Target
from drl import Network, train

EPSILON = 0.05  # how the agent acts in the end


def expected(head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
    """Σ_a π(a|s′) Q(s′, a; θ⁻), π = ε-greedy in Q(·; θ).   Expected Sarsa, van Seijen et al. 2009.

    The value of what the agent really does, slips included, where DQN's is of what it should do.
    Written for environments that allow every action; with masks π would be over `batch.next_mask`.
    """
    best = net.ops.argmax(head.mean(head.outputs(net, batch.s_next)), axis=1)  # (B,)
    z = head.outputs(target_net, batch.s_next)
    actions = head.mean(z).shape[1]
    sure = net.ops.scatter(best, net.ops.zeros(len(best)) + (1 - EPSILON), actions)
    return Target(batch.r, batch.discount, head.mix(z, sure + EPSILON / actions))  # π: (B, A)


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
result = train("dqn", "CartPole-v1", parts=Parts(bootstrap=expected), seed=1, steps=steps)
print(f"best evaluation {result.mean_reward:.1f} after {result.env_steps:,} env steps")
