"""What the house asks of a space of actions: its kind, an environment's own actions in it, its
masks.

A mask is a row of A flags, which actions are allowed:

Discrete        one for each action
MultiDiscrete   one for each value of the first number, then of the second …
MultiBinary     two for each bit: may it be 0, may it be 1
Box             has none
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.foreign import foreign, how_to_mend
from drl.spaces import words

KINDS = ("Discrete", "MultiDiscrete", "MultiBinary", "Box")
EXPECTED = "expected Discrete, MultiDiscrete, MultiBinary or Box"


def kind_of_actions(space: Any) -> str:
    """One of KINDS.   UserError for another space, in words that go on after an environment's
    name."""
    from gymnasium import spaces

    for kind in KINDS:
        if isinstance(space, getattr(spaces, kind)):
            return kind
    raise UserError(
        f"has {foreign(space) or words(space)} actions: {EXPECTED}; {how_to_mend(space)}"
    )


def fitted(actions: Any, space: Any, count: int) -> np.ndarray:
    """The actions of `count` environments as the space has them: (count, *shape), its dtype.

    UserError where they are of another shape, or a number would lose its meaning: 0.5 as a whole
    one.
    """
    given = np.asarray(actions)
    if given.shape != (count, *space.shape):
        raise UserError(
            f"actions of shape {given.shape}, {count} environments with {words(space)} take "
            f"{(count, *space.shape)}: mend the agent"
        )
    if given.dtype is space.dtype:  # numpy has one of each: `astype` would take 0.3 µs to see it
        return given
    try:
        return given.astype(space.dtype, casting="same_kind", copy=False)
    except TypeError:
        raise UserError(
            f"actions of {given.dtype}, environments with {words(space)} take {space.dtype}: mend "
            "the agent"
        ) from None


def are_of(actions: np.ndarray, space: Any) -> np.ndarray:
    """Which actions (N, *shape) are the space's own: (N,) bool.   Those of a Box may lie outside
    its bounds, where a policy's density does not end; they are finite."""
    counts = choices(space)
    if counts is None:
        fit = np.isfinite(actions)
    else:
        first, whole = getattr(space, "start", 0), actions == np.floor(actions)
        below = first + np.reshape(counts, space.shape)
        fit = whole & (actions >= first) & (actions < below)
    return np.asarray(fit.reshape(len(actions), -1).all(axis=1))


def one_by_one(actions: np.ndarray, space: Any) -> list[Any]:
    """N actions (N, *shape) as N environments of Gymnasium's kind take them: an int each of
    Discrete, else an array of its own."""
    from gymnasium.spaces import Discrete

    if isinstance(space, Discrete):
        return list(actions.tolist())
    return [actions[i, ...].copy() for i in range(len(actions))]


# -- masks ----------------------------------------------------------------------------------------
def choices(space: Any) -> list[int] | None:
    """Of how many values each number of an action is one: [n] of Discrete, nvec of MultiDiscrete, 2
    for each bit; None for a Box."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [int(n) for n in space.nvec.ravel()]
    if isinstance(space, spaces.MultiBinary):
        return [2] * math.prod(space.shape)
    return None


def mask_size(space: Any) -> int | None:
    """A, the flags of a mask; None where the space has no masks."""
    counts = choices(space)
    return None if counts is None else sum(counts)


def flags(mask: Any) -> np.ndarray:
    """One array of the flags of a mask, which may come in tuples, number by number, as Gymnasium's
    MultiDiscrete samples by them."""
    if isinstance(mask, tuple):
        return np.concatenate([np.atleast_1d(flags(part)) for part in mask])
    return np.asarray(mask)


def allows(mask: np.ndarray, space: Any) -> np.ndarray:
    """Which rows of a mask (N, A) allow an action: each of its numbers has a value.   (N,) bool."""
    counts = choices(space) or []
    if len(counts) == 1:
        return np.asarray(mask.any(axis=1))
    starts = np.cumsum([0, *counts[:-1]])
    return np.asarray(np.logical_or.reduceat(mask, starts, axis=1).all(axis=1))


def random_action(space: Any, mask: Any = None) -> Any:
    """One of the space's own, by its generator, that the mask (A,) allows, where there is one."""
    from gymnasium.spaces import Box, MultiBinary, MultiDiscrete

    if mask is None or isinstance(space, Box):
        return space.sample()
    allowed = flags(mask).astype(np.int8)
    if isinstance(space, MultiDiscrete):
        parts = iter(np.split(allowed, np.cumsum(space.nvec.ravel())[:-1]))
        return space.sample(_nested(parts, space.shape))
    if isinstance(space, MultiBinary):
        zero, one = allowed.reshape(-1, 2).T  # Gymnasium's: 0 and 1 are fixed, 2 is either
        return space.sample(np.where(zero & one, 2, one).astype(np.int8).reshape(space.shape))
    return space.sample(allowed)


def _nested(parts: Any, shape: tuple[int, ...]) -> Any:
    """Flags of each number, in tuples as the numbers lie."""
    if not shape:
        return next(parts)
    return tuple(_nested(parts, shape[1:]) for _ in range(shape[0]))
