"""How a rollout goes through the network: row by row, or episode by episode with a state.

Shapes: T steps of N environments, B rows of them, F steps cut by the clock, S numbers of a state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from agents.memory.minibatches import BLOCK, minibatches
from agents.memory.rollout import Rollout
from agents.ppo.phase import Rows
from agents.recurrent import kept
from drl.environment import Step
from drl.nn import Network, Recurrent
from drl.nn.layers import Pullback
from drl.nn.ops import Array
from drl.state import fill


class Pass(Protocol):
    """What PPO asks of the way that observations take through its network."""

    def act(self, obs: np.ndarray) -> Array:
        """The observations of a step (N, *shape) → z (N, D), by which actions are drawn."""

    def see(self, step: Step) -> None:
        """What the actions have led to."""

    def interrupt(self, rollout: Rollout) -> None:
        """The next observations are other episodes'."""

    def over(self, rollout: Rollout) -> Iterator[tuple[slice, Array]]:
        """A full rollout, block by block: which of its rows, and their outputs (rows, D + 1)."""

    def after(self, rollout: Rollout) -> tuple[np.ndarray, np.ndarray]:
        """V of what came last (N,), and of what came after each cut (F,), once it has gone
        through."""

    def remembered(self) -> dict[str, np.ndarray]:
        """What `forward` needs of each row besides, by its name in Rows."""

    def minibatches(
        self, rows: int, size: int, epochs: int, rng: np.random.Generator
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        """The epoch, from 0, and the numbers of the rows of each minibatch; None: all, in order."""

    def count(self, rows: int, size: int) -> int:
        """Minibatches of an epoch."""

    def forward(self, batch: Rows) -> tuple[Array, Pullback]:
        """A minibatch → its outputs (B, D + 1), and the way back."""

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where it does not fit."""


class RowByRow:
    """Each observation by itself.

    net            z and V
    actor, critic  the parts of it that give z, and V
    """

    def __init__(self, net: Network, actor: Network, critic: Network) -> None:
        self.net, self.actor, self.critic, self.ops = net, actor, critic, net.ops

    def act(self, obs: np.ndarray) -> Array:
        return self.actor(obs)

    def see(self, step: Step) -> None:
        """Nothing is remembered."""

    def interrupt(self, rollout: Rollout) -> None:
        """Nothing is remembered."""

    def over(self, rollout: Rollout) -> Iterator[tuple[slice, Array]]:
        s, decode = rollout.obs[:-1].reshape(-1, *rollout.obs.shape[2:]), rollout.storage.decode
        for start in range(0, len(s), BLOCK):
            own = slice(start, min(start + BLOCK, len(s)))
            yield own, self.net(decode(s[own]))

    def after(self, rollout: Rollout) -> tuple[np.ndarray, np.ndarray]:
        return self._values(rollout, rollout.obs[-1]), self._values(rollout, rollout.cut_obs)

    def _values(self, rollout: Rollout, keys: np.ndarray) -> np.ndarray:
        """V of observations as the rollout keeps them."""
        numpy, critic, decode = self.ops.numpy, self.critic, rollout.storage.decode
        blocks = [
            numpy(critic(decode(keys[i : i + BLOCK])))[:, 0] for i in range(0, len(keys), BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def remembered(self) -> dict[str, np.ndarray]:
        return {}

    def minibatches(
        self, rows: int, size: int, epochs: int, rng: np.random.Generator
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        return minibatches(rows, size, epochs, rng)

    def count(self, rows: int, size: int) -> int:
        return -(-rows // size)

    def forward(self, batch: Rows) -> tuple[Array, Pullback]:
        return self.net.forward(batch.s)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """There is nothing to load."""


class EpisodeByEpisode:
    """Each observation with what is remembered of its episode.

    Minibatches are of whole sequences: the T steps of an environment, or `length` of them, in
    order.  A sequence begins in the state that the network had there when the rollout went through
    it, and in 0 where an episode begins; gradients go back to its first step.  (Hausknecht & Stone
    2015 compare it with sequences that begin in 0: neither is better.)

    net            z and V, with a state
    actor, critic  the parts of it that give z, and V; the actor's states are the first of the net's
    num_envs       N
    length         steps of a sequence, a divisor of T
    """

    def __init__(
        self, net: Recurrent, actor: Recurrent, critic: Recurrent, num_envs: int, length: int
    ) -> None:
        self.net, self.actor, self.critic, self.ops = net, actor, critic, net.ops
        self.num_envs, self.length = num_envs, length
        self.h = self._zeros(actor)  # (N, S) of the actor, of the episodes under way
        self.first = self._zeros(net)  # (N, S) of the whole net, before the rollout's first step
        self.before = self.first  # (B, S), before each row of the last rollout that went through
        self.starts = np.zeros(num_envs, bool)  # (B,) where an episode begins there

    def _zeros(self, net: Recurrent) -> np.ndarray:
        return np.array(self.ops.numpy(net.initial(self.num_envs)))

    def act(self, obs: np.ndarray) -> Array:
        z, after, _ = self.actor.unroll(obs, self.h)
        self.h = self.ops.numpy(after)
        return z

    def see(self, step: Step) -> None:
        self.h = kept(self.h, step)

    def interrupt(self, rollout: Rollout) -> None:
        self.h = self._zeros(self.actor)
        if not rollout.filled:  # else the rollout says where they begin
            self.first = self._zeros(self.net)

    def over(self, rollout: Rollout) -> Iterator[tuple[slice, Array]]:
        steps, envs = rollout.steps, rollout.num_envs
        ended = rollout.terminated | rollout.truncated  # (T, N)
        starts = np.vstack([np.zeros((1, envs), bool), ended[:-1]])
        s = rollout.storage.decode(rollout.obs[:-1].reshape(-1, *rollout.obs.shape[2:]))
        y, after, _ = self.net.unroll(s, self.first, starts.reshape(-1))
        states = self.ops.numpy(after).reshape(steps, envs, -1)  # after each step
        self.cut = states[rollout.cut[:, 0], rollout.cut[:, 1]]  # (F, S)
        self.last = np.where(ended[-1][:, None], states.dtype.type(0), states[-1])  # (N, S)
        before = np.concatenate([self.first[None], states[:-1]])
        self.before, self.starts = before.reshape(len(s), -1), starts.reshape(-1)
        yield slice(0, len(s)), y

    def after(self, rollout: Rollout) -> tuple[np.ndarray, np.ndarray]:
        decode = rollout.storage.decode
        last = self._values(decode(rollout.obs[-1]), self.last)
        cut = self._values(decode(rollout.cut_obs), self.cut)
        self.first = self.last  # of the next rollout
        return last, cut

    def _values(self, s: np.ndarray, h: np.ndarray) -> np.ndarray:
        """V of observations that come next after the states h of the whole net."""
        if not len(s):
            return np.zeros(0)
        value: np.ndarray = self.ops.numpy(self.net.unroll(s, h)[0])[:, -1]
        return value

    def remembered(self) -> dict[str, np.ndarray]:
        return {"h": self.before, "starts": self.starts}

    def minibatches(
        self, rows: int, size: int, epochs: int, rng: np.random.Generator
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        first = np.arange(rows).reshape(-1, self.length, self.num_envs)[:, 0].reshape(-1)
        each = self._sequences(size)
        shuffled = minibatches(len(first), each, epochs, rng)
        steps = self.num_envs * np.arange(self.length)[:, None]
        for epoch, chosen in shuffled:
            begin = first if chosen is None else first[chosen]
            yield epoch, (begin + steps).reshape(-1)  # step by step, as `unroll` takes them

    def count(self, rows: int, size: int) -> int:
        return -(-(rows // self.length) // self._sequences(size))

    def _sequences(self, size: int) -> int:
        """Of a minibatch of so many rows."""
        return max(1, size // self.length)

    def forward(self, batch: Rows) -> tuple[Array, Pullback]:
        assert batch.h is not None and batch.starts is not None
        count = len(batch.a) // self.length
        y, _, backward = self.net.unroll(batch.s, batch.h[:count], batch.starts)
        return y, backward

    def state(self) -> dict[str, Any]:
        return {"h": self.h.copy(), "first": self.first.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        h, first = self._zeros(self.actor), self._zeros(self.net)
        fill(h, state["h"], "the actor's states")
        fill(first, state["first"], "the network's states")
        self.h, self.first = h, first
