"""The network of actor and critic: one vector of parameters, z(s) and V(s) side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.fronts import backend_for, build_front
from agents.parts import Nets, built
from agents.ppo.config import OnPolicyConfig
from drl.encoding import Part
from drl.nn import Network
from drl.nn.branches import Branches
from drl.nn.free import Free
from drl.nn.init import INITS, Init, Orthogonal
from drl.nn.join import join
from drl.nn.layers import Layer, Linear
from drl.nn.mlp import dense
from drl.nn.ops import make_ops
from drl.nn.recurrent import GRU, Recurrent

ACTOR, CRITIC = ("actor", "log_std"), "critic"
"""The branches whose outputs are z, where they are there, and the one of V."""


def build_network(
    config: OnPolicyConfig, shape: tuple[int, ...], observation_dtype: Any, outputs: int,
    deviations: int = 0, seed: np.random.Generator | int = 0,
    backend: str = "auto", dtype: str = "float32", device: str = "cpu",
    parts: Sequence[Part] = (),
) -> Network:  # fmt: skip
    """Observations of `shape` → z of the policy's distribution, then V: (B, outputs + 1).

    Apart, actor and critic have layers of their own from the observations on; with `shared` only
    their last ones.  With `recurrent` a GRU comes before the last one.

    outputs     numbers of z
    deviations  how many of them, the last ones, are log σ: parameters that see no observation

    ValueError where settings and shape do not fit.
    """
    if backend == "auto":
        backend = backend_for(config, shape, outputs + 1, device, parts)

    def front() -> list[Layer]:
        return build_front(config, shape, observation_dtype, parts, config.normalise_obs)

    def hidden() -> list[Layer]:
        return dense(config.hidden, config.activation, init=config.init) + memory()

    def memory() -> list[Layer]:
        return [GRU(config.recurrent_units)] if config.recurrent else []

    below: list[Layer] = []
    own: Callable[[], list[Layer]] = list
    if config.shared:
        below = front() + hidden()
    elif config.conv is None:  # nothing is learnt in front
        below, own = front(), hidden
    else:
        own = lambda: front() + hidden()  # noqa: E731
    branches: dict[str, list[Layer]] = {
        "actor": [*own(), Linear(outputs - deviations, init=_last(config, config.policy_gain))]
    }
    if deviations:
        branches["log_std"] = [Free(deviations, config.log_std_init)]
    branches[CRITIC] = [*own(), Linear(1, init=_last(config, config.value_gain))]
    kind = Recurrent if config.recurrent else Network
    return kind([*below, Branches(branches)], shape, make_ops(backend, dtype, device), seed)


def own_network(
    config: OnPolicyConfig, nets: Nets, shape: tuple[int, ...], outputs: int, deviations: int,
    seed: np.random.Generator | int,
) -> Network:  # fmt: skip
    """The same of networks that the user's own functions build, the actor's and then the critic's.
    ValueError where they do not fit, or one remembers and the other does not."""
    assert nets.net is not None and nets.of_critic is not None
    actor = built(nets.net, shape, outputs - deviations, seed, recurrent=True)
    critic = built(nets.of_critic, shape, 1, seed, recurrent=True)
    if isinstance(actor, Recurrent) != isinstance(critic, Recurrent):
        raise ValueError("actor and critic both carry a state, or neither: give both a GRU")
    branches = {"actor": actor, CRITIC: critic}
    if deviations:
        log_std = Network([Free(deviations, config.log_std_init)], shape, actor.ops)
        branches = {"actor": actor, "log_std": log_std, CRITIC: critic}
    return join(branches)


def actor_branches(net: Network) -> tuple[str, ...]:
    """Those whose outputs are z."""
    heads = net.layers[-1]
    assert isinstance(heads, Branches)
    return tuple(name for name in ACTOR if name in heads.branches)


def _last(config: OnPolicyConfig, gain: float) -> Init:
    """The initial weights of outputs: with orthogonal ones of the given size."""
    if config.init == "orthogonal":
        return Orthogonal(gain)
    return INITS["uniform" if config.init is None else config.init]
