"""What a policy is asked with is of its spaces, and what it answers is of as many: UserError where
it is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.action_space import allows, are_of, flags, mask_size
from drl.encoding import Encoder, not_finite
from drl.errors import UserError
from drl.observed import Misfit, numbers
from drl.spaces import words


def finite(obs: np.ndarray, encoder: Encoder) -> np.ndarray:
    """The observations (N, *shape), made by the encoder.   UserError where one holds NaN or Inf: no
    action would be the best."""
    if (found := not_finite(obs, encoder)) is not None:
        raise UserError(
            f"observation {found[0]} holds NaN or Inf ({found[1]}), a policy takes finite numbers: "
            "mend what it comes from"
        )
    return obs


def actions_of(actions: Any, count: int, one: bool, space: Any) -> np.ndarray:
    """The environment's own actions that belong to `count` observations, as an array (count,
    *action shape).

    one    whether there is but one observation, and so but one action
    space  of one action

    UserError on other shapes, and on an action that is none of the space.
    """
    expected = space.shape if one else (count, *space.shape)
    try:
        found = numbers(actions)
    except Misfit as misfit:
        raise UserError(f"actions that are no numbers: give an array {expected}") from misfit
    if found.shape != expected:
        raise UserError(f"actions of shape {found.shape} for {count} observations: give {expected}")
    found = found[None] if one else found
    if not (own := are_of(found, space)).all():
        wrong = int(own.argmin())
        raise UserError(f"action {wrong}, {found[wrong]}, is none of {words(space)}")
    return found


def mask_of(mask: Any, count: int, one: bool, space: Any) -> np.ndarray | None:
    """A mask (count, A), one row (A,) where there is but one observation, as (count, A) bool
    (drl.action_space); None: there is none.

    space  of one action

    UserError where it is no mask, a row allows nothing, or the actions have no masks.
    """
    if mask is None:
        return None
    size = mask_size(space)
    if size is None:
        raise UserError(f"a mask, and {words(space)} actions have none: leave it out")
    shape = (size,) if one else (count, size)
    try:
        given = flags(mask)
    except ValueError as error:  # rows of several lengths
        raise UserError(f"a mask that is no array, the policy takes {shape}") from error
    if given.shape != shape or not np.isin(given, (0, 1)).all():
        raise UserError(
            f"a mask of {given.dtype} {given.shape}, the policy takes {shape} of True and False"
        )
    rows = given.reshape(count, size)
    if not (some := allows(rows, space)).all():
        raise UserError(f"the mask of observation {int(some.argmin())} allows nothing")
    return rows.astype(np.bool_)


def answer(found: np.ndarray | None, one: bool, otherwise: str) -> np.ndarray:
    """What was found of N observations, or of the only one.   UserError, in these words, where
    nothing is known."""
    if found is None:
        raise UserError(otherwise)
    return found[0] if one else found
