"""What a state is worth after the step: the target r + γᵏ(1 − terminated) · Z(s′) of an update.

A variant of DQN that only changes the target is one function here.  Each takes the head, which
knows what the outputs mean, the online network (θ), the target network (θ⁻) and the batch.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.dqn.heads import Head, Target
from agents.memory.replay import Batch
from drl.nn import Network
from drl.nn.losses import log_softmax

TargetFunction = Callable[[Head, Network, Network, Batch], Target]
LOWEST_BONUS = -1.0  # l₀ of Munchausen


def q_target(head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
    """Z(s′, argmax_a Q(s′, a; θ⁻); θ⁻).   Mnih et al. 2015, Algorithm 1.

    The same noise chooses the action and values it, so it overestimates.
    """
    z = head.outputs(target_net, batch.s_next)
    a = net.ops.argmax(head.mean(z), axis=1)
    return Target(batch.r, batch.discount, head.at(z, a))


def double_q_target(head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
    """Z(s′, argmax_a Q(s′, a; θ); θ⁻).   van Hasselt, Guez & Silver 2016, eq. 4.

    One network chooses, the other values: their errors no longer add up.
    """
    a = net.ops.argmax(head.mean(head.outputs(net, batch.s_next)), axis=1)
    return Target(batch.r, batch.discount, head.at(head.outputs(target_net, batch.s_next), a))


class Bounded:
    """Another bootstrap with Z(s′) kept within [low, high]; nothing changes while Z stays inside.

    Q may run away where the memory is thin: a target above what can be earned raises Q(s, a),
    which raises the next target.  An upper bound at the reachable return stops that, but cuts most
    targets of a good policy; twice the reachable cuts none of them and still stops it
    (docs/policies-that-stay.md).  The target is a constant for the gradient, cut or not.

    bootstrap  any function as in this file
    low, high  least and greatest Z(s′), in scaled rewards; every quantile of a distribution is cut
    """

    def __init__(self, bootstrap: TargetFunction, low: float, high: float) -> None:
        if not low < high:  # also for NaN
            raise ValueError(f"a bound on Z(s′) needs low < high, got {low} and {high}")
        self.bootstrap, self.low, self.high = bootstrap, low, high

    def __call__(self, head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
        target = self.bootstrap(head, net, target_net, batch)
        return target._replace(z=head.within(target.z, self.low, self.high))


def reachable(low: float, high: float, gamma: float) -> tuple[float, float] | None:
    """Returns that rewards in [low, high] can add up to; None for γ = 1, where nothing bounds them.

    Episodes may end, after which every reward is 0: [min(low, 0), max(high, 0)]/(1 − γ).
    """
    if gamma == 1:
        return None
    return min(low, 0.0) / (1 - gamma), max(high, 0.0) / (1 - gamma)


class Munchausen:
    """r + α [τ log π(a|s)]_{l₀}^0 + discount · Σ_a′ π(a′|s′) (Z(s′, a′) − τ log π(a′|s′)).

    Vieillard, Pietquin & Geist 2020, eq. 2 and 3, with π = softmax(Q(·; θ⁻)/τ): the reward of an
    action is raised by how sure the policy was of it, and the maximum gives way to the policy's
    own mean, with its entropy.  With n-step returns the bonus is that of the first action.

    temperature  τ, in units of (scaled) rewards
    alpha        α, the share of log π that is added;  low: l₀ < 0, where it is cut
    """

    def __init__(
        self, alpha: float = 0.9, temperature: float = 0.03, low: float = LOWEST_BONUS
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"Munchausen needs a temperature above 0, got {temperature}")
        self.alpha, self.temperature, self.low = alpha, temperature, low

    def __call__(self, head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
        ops, tau = net.ops, self.temperature
        q = head.mean(head.outputs(target_net, batch.s))
        log_pi = ops.gather(log_softmax(ops, q * (1 / tau)), batch.a)  # log π(a|s)
        bonus = self.alpha * ops.clip(tau * log_pi, self.low, 0.0)

        z = head.outputs(target_net, batch.s_next)
        log_pi = log_softmax(ops, head.mean(z) * (1 / tau))  # log π(·|s′)
        pi = ops.exp(log_pi)
        entropy = -tau * ops.sum(pi * log_pi, axis=1)  # Σ π (−τ log π)
        r = batch.r + bonus + batch.discount * entropy
        return Target(r, batch.discount, head.mix(z, pi))
