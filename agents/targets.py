"""What a state is worth after the step: the bootstrap of y = r + γᵏ(1 − terminated)·bootstrap(s′).

A variant of DQN that only changes the target is one function here.  Each takes the online network
(θ), the target network (θ⁻) and s′ (B, *shape), and gives (B,).
"""

from __future__ import annotations

from collections.abc import Callable

from drl.nn import Network
from drl.nn.ops import Array

Bootstrap = Callable[[Network, Network, Array], Array]


def maximum(net: Network, target_net: Network, s_next: Array) -> Array:
    """max_a Q(s′, a; θ⁻).   Mnih et al. 2015, Algorithm 1.

    The same noise chooses the action and values it, so it overestimates.
    """
    return net.ops.max(target_net(s_next), axis=1)


def double(net: Network, target_net: Network, s_next: Array) -> Array:
    """Q(s′, argmax_a Q(s′, a; θ); θ⁻).   van Hasselt, Guez & Silver 2016, eq. 4.

    One network chooses, the other values: their errors no longer add up.
    """
    ops = net.ops
    return ops.gather(target_net(s_next), ops.argmax(net(s_next), axis=1))
