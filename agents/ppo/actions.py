"""Which distribution a policy has over which actions, and the environment's action of a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.ppo.config import OnPolicyConfig
from drl.action_space import choices, kind_of_actions
from drl.actions import Actions, FromZero, UnitBox
from drl.errors import UserError
from drl.nn.distributions import BernoulliActions, Categorical, Distribution, MultiCategorical
from drl.nn.gaussian import DiagonalGaussian, TanhGaussian
from drl.nn.ops import Ops
from drl.spaces import words


@dataclass(frozen=True)
class ActionHead:
    """What the policy's outputs z mean.

    build         the distribution of samples, on the operations of a network
    outputs       numbers of z
    deviations    how many of them, the last ones, are log σ
    shape, dtype  of a sample, as a memory keeps it
    decode        samples (N, *shape), as the distribution's `action` gives them → the environment's
                  own actions
    encode        and back
    words         what the actor's outputs are, log σ aside, and how the most probable action comes
                  of them
    actions       what does both, where the house has it (drl.actions)
    """

    build: Callable[[Ops], Distribution]
    outputs: int
    deviations: int
    shape: tuple[int, ...]
    dtype: Any
    decode: Callable[[np.ndarray], np.ndarray]
    encode: Callable[[np.ndarray], np.ndarray]
    words: str
    actions: Actions | None = None


def action_head(config: OnPolicyConfig, space: Any) -> ActionHead:
    """Of Gymnasium's action space.   UserError for one that no distribution here has.

    Discrete       Categorical
    MultiDiscrete  MultiCategorical, the choices apart from one another
    MultiBinary    BernoulliActions
    Box            DiagonalGaussian, in units of half the space where it is bounded; what lies
                   outside is clipped on its way to the environment.  With `squash` TanhGaussian,
                   of which nothing lies outside
    """
    kind = kind_of_actions(space)
    if kind == "Discrete":
        n, numbers = int(space.n), FromZero(space)
        return ActionHead(
            lambda ops: Categorical(ops, n), n, 0, (), np.int64, numbers.decode, numbers.encode,
            f"logits of the {n} actions: the largest is the most probable", numbers,
        )  # fmt: skip
    if kind == "MultiDiscrete":
        nvec = choices(space) or []
        return ActionHead(
            lambda ops: MultiCategorical(ops, nvec), sum(nvec), 0, (len(nvec),), np.int64,
            lambda a: (a.reshape(-1, *space.shape) + space.start).astype(space.dtype),
            lambda a: (a - space.start).reshape(len(a), -1),
            f"logits of {nvec} choices side by side: the largest of each is the most probable",
        )  # fmt: skip
    count = math.prod(space.shape)
    if kind == "MultiBinary":
        return ActionHead(
            lambda ops: BernoulliActions(ops, count), count, 0, (count,), np.int8,
            lambda a: a.reshape(-1, *space.shape).astype(space.dtype),
            lambda a: a.reshape(len(a), -1),
            f"logits of the {count} bits: above 0 a bit is more probably 1",
        )  # fmt: skip
    unit = UnitBox(space)
    # no bounds of log σ, which sees no observation: it would never come back from beyond one
    gaussian: type[DiagonalGaussian] = TanhGaussian if config.squash else DiagonalGaussian
    if config.squash and not unit.bounded.all():
        raise UserError(
            f"`squash` is for actions that are bounded, found {words(space)}: leave it out"
        )
    inside = "tanh(m)" if config.squash else "clip(m, -1, 1)"
    return ActionHead(
        lambda ops: gaussian(ops, count, bounds=None), 2 * count, count, (count,), np.float32,
        lambda a: unit.decode(a.reshape(-1, *space.shape)),
        lambda a: unit.encode(a).reshape(len(a), -1),
        f"means m of the {count} numbers: low + ({inside} + 1)/2 * (high - low) where a number is "
        "bounded, else m", unit,
    )  # fmt: skip
