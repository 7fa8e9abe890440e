"""The target r + γᵏ(1 − terminated) · Z(s′) of an update: a variant of DQN is a function here.

Each takes the head, which reads Z out of a network's outputs, the online network (θ), the target
network (θ⁻) and the batch.  Where the batch has masks, every maximum, mean and softmax is over the
allowed actions alone.  Shapes: B examples, A actions, N numbers that describe Z of one action.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.dqn.heads import Head, Target, best_action
from agents.memory.replay import Batch
from drl.nn import Network
from drl.nn.distributions import FORBIDDEN
from drl.nn.losses import log_softmax
from drl.nn.ops import Array, Ops

TargetFunction = Callable[[Head, Network, Network, Batch], Target]
LOWEST_BONUS = -1.0  # l₀ of Munchausen


def q_target(head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
    """Z(s′) = Z(s′, a*; θ⁻), a* = argmax_a Q(s′, a; θ⁻).   Mnih et al. 2015, Algorithm 1.

    One network chooses the action and values it, so that its errors make the target too large.
    """
    z = head.outputs(target_net, batch.s_next)  # Z(s′, ·; θ⁻): (B, A) or (B, A, N)
    a = best_action(net.ops, head.mean(z), batch.next_mask)  # argmax_a Q(s′, a; θ⁻): (B,)
    return Target(batch.r, batch.discount, head.at(z, a))


def double_q_target(head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
    """Z(s′) = Z(s′, a*; θ⁻), a* = argmax_a Q(s′, a; θ).   van Hasselt, Guez & Silver 2016, eq. 4.

    One network chooses the action, the other values it: their errors do not add up.
    """
    q = head.mean(head.outputs(net, batch.s_next))  # Q(s′, ·; θ): (B, A)
    a = best_action(net.ops, q, batch.next_mask)  # a*: (B,)
    z = head.outputs(target_net, batch.s_next)  # Z(s′, ·; θ⁻): (B, A) or (B, A, N)
    return Target(batch.r, batch.discount, head.at(z, a))


class Bounded:
    """Z(s′) ← min(max(Z(s′), low), high), for the Z(s′) of another target function.

    Q may run away where the memory is thin: a target above the reachable return raises Q(s, a),
    which raises the next target.  An upper bound at the reachable return stops that, but cuts most
    targets of a good policy; twice the reachable cuts none of them and still stops it
    (docs/policies-that-stay.md).  The target is a constant for the gradient, cut or not.

    bootstrap  the other target function
    low, high  least and greatest Z(s′), in scaled rewards; every quantile of a distribution is cut

    ValueError unless low < high.
    """

    def __init__(self, bootstrap: TargetFunction, low: float, high: float) -> None:
        if not low < high:  # also for NaN
            raise ValueError(f"a bound on Z(s′) needs low < high, got {low} and {high}")
        self.bootstrap, self.low, self.high = bootstrap, low, high

    def __call__(self, head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
        target = self.bootstrap(head, net, target_net, batch)
        return target._replace(z=head.within(target.z, self.low, self.high))


def reachable(low: float, high: float, gamma: float) -> tuple[float, float] | None:
    """[min(low, 0), max(high, 0)]/(1 − γ): the returns that rewards within [low, high] add up to.

    0 is among the rewards, since an episode may end.  None for γ = 1: returns have no bound.
    """
    if gamma == 1:
        return None
    return min(low, 0.0) / (1 - gamma), max(high, 0.0) / (1 - gamma)


class Munchausen:
    """r + α [τ log π(a|s)]_{l₀}^0 + discount · Σ_a′ π(a′|s′) (Z(s′, a′) − τ log π(a′|s′)).

    π = softmax(Q(·; θ⁻)/τ).   Vieillard, Pietquin & Geist 2020, eq. 2 and 3.  The reward of an
    action is raised by how sure the policy was of it; instead of the maximum stands the policy's
    mean, with its entropy.  With n-step returns the bonus is that of the first action.

    alpha        α, the share of log π that is added to the reward
    temperature  τ, in units of (scaled) rewards
    low          l₀ < 0, the least bonus

    ValueError unless the temperature is above 0.
    """

    def __init__(
        self, alpha: float = 0.9, temperature: float = 0.03, low: float = LOWEST_BONUS
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"Munchausen needs a temperature above 0, got {temperature}")
        self.alpha, self.temperature, self.low = alpha, temperature, low

    def __call__(self, head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
        ops, tau = net.ops, self.temperature
        q = head.mean(head.outputs(target_net, batch.s))  # Q(s, ·; θ⁻): (B, A)
        log_pi = ops.gather(log_policy(ops, q, tau, batch.mask), batch.a)  # log π(a|s): (B,)
        bonus = self.alpha * ops.clip(tau * log_pi, self.low, 0.0)  # α [τ log π(a|s)]_{l₀}^0: (B,)

        z = head.outputs(target_net, batch.s_next)  # Z(s′, ·; θ⁻): (B, A) or (B, A, N)
        log_pi = log_policy(ops, head.mean(z), tau, batch.next_mask)  # log π(·|s′): (B, A)
        pi = ops.exp(log_pi)  # (B, A)
        entropy = -tau * ops.sum(pi * log_pi, axis=1)  # τH = Σ_a′ π (−τ log π): (B,)
        r = batch.r + bonus + batch.discount * entropy  # (B,)
        return Target(r, batch.discount, head.mix(z, pi))


def log_policy(ops: Ops, q: Array, temperature: float, mask: Array | None = None) -> Array:
    """log π of π = softmax(q/τ) over the actions that the mask (B, A) allows: (B, A).

    π is 0 where an action is not allowed; log π is finite there.
    """
    logits = q * (1 / temperature)  # (B, A)
    if mask is not None:  # the best allowed one is 0: however large Q is, others are far below
        logits = logits - ops.max(ops.keep(logits, mask, ops.lowest), axis=1, keepdims=True)
        logits = ops.keep(logits, mask, FORBIDDEN)
    return log_softmax(ops, logits)
