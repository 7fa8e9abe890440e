"""Which distribution a policy has over which actions, and the environment's action of a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.ppo.config import OnPolicyConfig
from drl.actions import FromZero, UnitBox
from drl.encoding import kind_of
from drl.errors import UserError
from drl.nn.distributions import BernoulliActions, Categorical, Distribution, MultiCategorical
from drl.nn.gaussian import DiagonalGaussian
from drl.nn.ops import Ops


@dataclass(frozen=True)
class ActionHead:
    """What the policy's outputs z mean.

    build         the distribution of samples, on the operations of a network
    outputs       numbers of z
    deviations    how many of them, the last ones, are log σ
    shape, dtype  of a sample, as a memory keeps it
    decode        (N, *shape) samples, as the distribution's `action` gives them → (N, …) actions of
                  the environment
    encode        and back
    """

    build: Callable[[Ops], Distribution]
    outputs: int
    deviations: int
    shape: tuple[int, ...]
    dtype: Any
    decode: Callable[[np.ndarray], np.ndarray]
    encode: Callable[[np.ndarray], np.ndarray]


def action_head(config: OnPolicyConfig, space: Any) -> ActionHead:
    """Of Gymnasium's action space.   UserError for one that no distribution here has.

    Discrete       Categorical
    MultiDiscrete  MultiCategorical, the choices apart from one another
    MultiBinary    BernoulliActions
    Box            DiagonalGaussian, in units of half the space where it is bounded; what lies
                   outside is clipped on its way to the environment
    """
    from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

    if isinstance(space, Discrete):
        n, numbers = int(space.n), FromZero(space)
        return ActionHead(
            lambda ops: Categorical(ops, n), n, 0, (), np.int64, numbers.decode, numbers.encode
        )
    if isinstance(space, MultiDiscrete):
        nvec = space.nvec.ravel().tolist()
        return ActionHead(
            lambda ops: MultiCategorical(ops, nvec), sum(nvec), 0, (len(nvec),), np.int64,
            lambda a: (a.reshape(-1, *space.shape) + space.start).astype(space.dtype),
            lambda a: (a - space.start).reshape(len(a), -1),
        )  # fmt: skip
    count = math.prod(space.shape or ())
    if isinstance(space, MultiBinary):
        return ActionHead(
            lambda ops: BernoulliActions(ops, count), count, 0, (count,), np.int8,
            lambda a: a.reshape(-1, *space.shape).astype(space.dtype),
            lambda a: a.reshape(len(a), -1),
        )  # fmt: skip
    if isinstance(space, Box):
        unit = UnitBox(space)
        return ActionHead(
            lambda ops: DiagonalGaussian(ops, count), 2 * count, count, (count,), np.float32,
            lambda a: unit.decode(a.reshape(-1, *space.shape)),
            lambda a: unit.encode(a).reshape(len(a), -1),
        )  # fmt: skip
    raise UserError(
        f"PPO and A2C take Discrete, MultiDiscrete, MultiBinary and Box actions, found "
        f"{kind_of(space)}: wrap the env"
    )
