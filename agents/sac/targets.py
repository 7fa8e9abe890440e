"""Q(s, a) on a batch, and what it is fitted to: y = r + discount · (Z(s′, a′) − α log π(a′|s′)).

The policy draws a′.  Shapes: B examples, k numbers of an action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from agents.memory.replay import Batch
from agents.sac.actor import Actor
from agents.sac.critics import Critic
from drl.nn import Network
from drl.nn.batch_renorm import batch_statistics, follow
from drl.nn.layers import Pullback
from drl.nn.ops import Array, Ops


class Regression(NamedTuple):
    """A regression of the critic on a batch."""

    z: Array  # (B, outputs) the critic's, of (s, a)
    y: Array  # (B, K) the targets
    pullback: Pullback  # ∂L/∂z → ∂L/∂θ, in the critic's `grads`


class Targets(Protocol):
    """The critic on a batch, and its targets."""

    def regression(self, batch: Batch, alpha: float, noise: Array) -> Regression:
        """noise: ε (B, k), of a′."""

    def begin(self) -> None:
        """Networks have been loaded: what follows them is where they are."""

    def follow(self) -> None:
        """The policy has been moved: what follows it, follows."""

    @property
    def networks(self) -> Sequence[Network]:
        """Those that no optimizer moves."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class TargetCritic:
    """Z(s′, a′) from a critic that follows slowly: θ̄ ← θ̄ + τ(θ − θ̄).   Lillicrap et al. 2016.

    net, target_net   the critics
    actor_net         whose outputs a′ is drawn from
    tau               τ
    target_actor_net  one that follows the policy's likewise, and that a′ is drawn from (TD3); none:
                      of the policy's own
    """

    def __init__(
        self, critic: Critic, net: Network, target_net: Network, actor: Actor, actor_net: Network,
        tau: float, target_actor_net: Network | None = None,
    ) -> None:  # fmt: skip
        self.critic, self.net, self.actor, self.tau = critic, net, actor, tau
        self.target_net, self.next_actor_net = target_net, target_actor_net or actor_net
        self.followers = {"target_net": (target_net, net)}
        if target_actor_net is not None:
            self.followers["target_actor_net"] = (target_actor_net, actor_net)
        self.begin()

    def regression(self, batch: Batch, alpha: float, noise: Array) -> Regression:
        ops = self.net.ops
        a_next, log_prob = self.actor.draw(self.next_actor_net(batch.s_next), noise)
        z_next = self.critic.bootstrap(self.target_net(joined(ops, batch.s_next, a_next)))  # (B, K)
        y = soft_target(batch, z_next, alpha, log_prob)
        z, backward = self.net.forward(joined(ops, batch.s, batch.a))
        return Regression(z, y, backward)

    def begin(self) -> None:
        for follower, leader in self.followers.values():
            follower.copy_from(leader)

    def follow(self) -> None:
        for follower, leader in self.followers.values():
            follower.copy_from(leader, self.tau)  # θ̄ ← θ̄ + τ(θ − θ̄)

    @property
    def networks(self) -> Sequence[Network]:
        return [follower for follower, _ in self.followers.values()]

    def state(self) -> dict[str, Any]:
        saved: dict[str, Any] = {}
        for name, (net, _) in self.followers.items():
            saved |= net.saved(name)
        return saved

    def load_state(self, state: dict[str, Any]) -> None:
        for name, (net, _) in self.followers.items():
            net.restore(state, name)


class JointCritic:
    """Z(s′, a′) from the critic itself, as it sees (s, a) and (s′, a′) in one batch, by whose
    statistics both are normalised: no network follows.   Bhatt et al. 2024, section 3.

    The gradient goes through Q(s, a) alone; what (s′, a′) have to do with the statistics is in it.
    """

    def __init__(self, critic: Critic, net: Network, actor: Actor, actor_net: Network) -> None:
        self.critic, self.net, self.actor, self.actor_net = critic, net, actor, actor_net

    def regression(self, batch: Batch, alpha: float, noise: Array) -> Regression:
        ops, rows = self.net.ops, len(batch.s)
        a_next, log_prob = self.actor.draw(self.actor_net(batch.s_next), noise)
        both = ops.zeros(2 * rows, *self.net.input_shape)
        both[:rows] = joined(ops, batch.s, batch.a)
        both[rows:] = joined(ops, batch.s_next, a_next)
        with batch_statistics(self.net):
            z, backward = self.net.forward(both)
        follow(self.net)
        z_next = self.critic.bootstrap(z[rows:])  # (B, K)
        return Regression(z[:rows], soft_target(batch, z_next, alpha, log_prob), backward)

    def begin(self) -> None:
        pass

    def follow(self) -> None:
        pass

    @property
    def networks(self) -> Sequence[Network]:
        return []

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


def soft_target(batch: Batch, z_next: Array, alpha: float, log_prob: Array) -> Array:
    """y = r + discount (Z(s′, a′) − α log π(a′|s′)): (B, K), of Z(s′, a′) (B, K), log π (B,)."""
    return batch.r[:, None] + batch.discount[:, None] * (z_next - alpha * log_prob[:, None])


def joined(ops: Ops, s: Array, a: Array) -> Array:
    """(s, a) as the critic sees it: (B, D + k)."""
    return ops.concat([s.reshape(len(s), -1), a.reshape(len(a), -1)])
