"""Statistics of observations and returns: what an agent has seen, on its way into its networks.

They are gathered step by step and move at once, now and then: at the end of a rollout, or every
EVERY updates.  In between everything is computed with the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from drl.nn import Network
from drl.nn.compensate import FROZEN_AFTER, places, renormalise, require_same
from drl.nn.moments import LEAST, Moments
from drl.nn.ops import Array, Ops
from drl.nn.optim import Optimizer
from drl.state import fill, number

EVERY = 20  # updates between two moves, off-policy
MOST = 1e300  # Inf is no number to go on from
FEW = 16  # numbers with a curve each
LIMIT = 10.0  # a normalised reward is cut to ± this


class Statistics(Protocol):
    """What an agent gathers besides transitions."""

    name: str
    """In the agent's state."""

    def see(self, obs: np.ndarray, reward: np.ndarray, ended: np.ndarray) -> None:
        """One step of N environments: what was seen before it (N, *shape), what it earned (N,), and
        whether an episode ended with it (N,)."""

    def move(self) -> None:
        """From now on what has been seen until now counts."""

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """The episodes under way in these environments (N,) bool, or in all, are restarted."""

    def about(self) -> list[str]:
        """What people are told of it, in one line each."""

    def metrics(self, obs: np.ndarray) -> Mapping[str, float | np.ndarray]:
        """By TensorBoard name.   obs: (N, *shape), some of those learnt from."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class ObservationStatistics:
    """Mean and deviation of the observations acted on, for the Normalise layers of some networks.

    Gathered here, merged into all of the networks at once, each of which stays the same function
    (drl.nn.compensate).  The statistics themselves are the networks' buffers.

    nets   networks of the same observations, each with the optimizer whose moments follow its
           weights, or None: (online, its Adam), (target, None); the inputs of the first are
           observations, those of others begin with one, as a critic's (s, a)

    ValueError where a network normalises nothing, or not its inputs.
    """

    name = "observations"

    def __init__(self, nets: Sequence[tuple[Network, Optimizer | None]]) -> None:
        self.nets = [(net, optimizer, places(net)) for net, optimizer in nets]
        if not all(found for _, _, found in self.nets):
            raise ValueError(
                "the network has no Normalise layer: one of your own needs drl.Normalise() before "
                "its first weights"
            )
        self.net, _, self.places = self.nets[0]
        for _, _, found in self.nets:
            require_same(found, self.net.input_shape)
        self.seen = Moments(self.net.input_shape)  # since the last move

    def see(
        self, obs: np.ndarray, reward: np.ndarray | None = None, ended: np.ndarray | None = None
    ) -> None:
        self.seen.add(obs)

    def move(self) -> None:
        for net, optimizer, at in self.nets:
            renormalise(net, self.seen, optimizer, at)
        self.seen.clear()

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        pass

    def about(self) -> list[str]:
        return [
            f"{place.name}: its statistics stay as they are after {FROZEN_AFTER:,} observations, "
            "since the layer behind it cannot make up for later ones"
            for place in self.places
            if place.behind is None
        ]

    def metrics(self, obs: np.ndarray) -> dict[str, float | np.ndarray]:
        """μ and σ, number by number where they are few, else as distributions; and how many numbers
        are cut."""
        found: dict[str, float | np.ndarray] = {}
        for place in self.places:
            of = "observations" if len(self.places) == 1 else f"observations/{place.name}"
            x = self.net.ops.asarray(obs)
            for layer in (*place.before, place.layer):
                x = layer.forward(x)[0]
            cut = np.abs(self.net.ops.numpy(x)) >= place.layer.limit
            found[f"{of}/cut"] = float(cut.mean())
            moments = place.layer.moments
            for name, values in (("mean", moments.mean), ("std", place.layer.std)):
                if values.size > FEW:
                    found[f"{of}/{name}"] = values.ravel().copy()
                else:
                    each = enumerate(values.ravel().tolist())
                    found |= {f"{of}/{name}/{i}": value for i, value in each}
        return found

    def state(self) -> dict[str, Any]:
        return moments_state(self.seen)

    def load_state(self, state: dict[str, Any]) -> None:
        load_moments(self.seen, state)


class ReturnScale:
    """r/σ(G), with the deviation σ of the discounted return G_t = γ G_{t−1} + r_t so far.

    G is summed in each environment, and begins anew where an episode does.  Engstrom et al. 2020,
    section 2; Stable-Baselines3's VecNormalize.  Dividing by the same number keeps what is the best
    policy; nothing is subtracted.

    gamma     γ
    num_envs  N
    std       σ as of the last move; 1 before the first, and where G has not varied
    """

    name = "returns"

    def __init__(self, gamma: float, num_envs: int) -> None:
        self.gamma = gamma
        self.returns = np.zeros(num_envs)  # G
        self.seen = Moments(())
        self.std = 1.0

    def see(self, obs: np.ndarray | None, reward: np.ndarray, ended: np.ndarray) -> None:
        self.returns = self.gamma * self.returns + reward  # G_t = γ G_{t−1} + r_t
        self.seen.add(self.returns)
        self.returns[ended] = 0

    def move(self) -> None:
        self.std = float(self.seen.std()[0])

    def scaled(self, ops: Ops, r: Array) -> Array:
        """min(max(r/σ, −LIMIT), LIMIT): (B,) → (B,)."""
        return ops.clip(r * (1 / self.std), -LIMIT, LIMIT)

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        self.returns[... if which is None else which] = 0

    def about(self) -> list[str]:
        return []

    def metrics(self, obs: np.ndarray) -> dict[str, float | np.ndarray]:
        return {"train/return_std": self.std}

    def learnt(self) -> dict[str, Any]:
        """σ and what it is of, without the episodes under way: what a policy keeps."""
        return {"std": self.std, **moments_state(self.seen)}

    def load_learnt(self, state: Mapping[str, Any]) -> None:
        """ValueError or KeyError where it is none of ours."""
        self.std = number(state, "std", LEAST)
        load_moments(self.seen, state)

    def state(self) -> dict[str, Any]:
        return {"returns": self.returns.copy(), **self.learnt()}

    def load_state(self, state: dict[str, Any]) -> None:
        fill(self.returns, state["returns"], "discounted returns", -MOST, MOST)
        self.load_learnt(state)


def moments_state(moments: Moments) -> dict[str, Any]:
    """All that it holds."""
    return {
        "mean": moments.mean.copy(),
        "variance": moments.variance.copy(),
        "count": moments.count.copy(),
    }


def load_moments(moments: Moments, state: Mapping[str, Any]) -> None:
    """ValueError or KeyError where it is not of the same numbers."""
    for name, low in (("mean", -MOST), ("variance", 0.0), ("count", 0.0)):
        fill(getattr(moments, name), state[name], f"statistics {name}", low, MOST)


def rewards_cut(rewards: np.ndarray) -> np.ndarray:
    """Normalised rewards, cut to ± LIMIT."""
    return np.asarray(np.clip(rewards, -LIMIT, LIMIT))
