"""What an environment answers, made ours: copied, converted, and named where it is wrong.

A number of the right type costs a look at its type; all else is looked at closely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drl.action_space import allows, flags
from drl.encoding import Encoder, not_finite
from drl.observed import Misfit, as_array
from drl.raised import said

FLOAT64, BOOL = np.dtype(np.float64), np.dtype(np.bool_)  # of which numpy has one each
NOT_FINITE = "NaN or Inf in an observation"
LARGEST = float(np.finfo(np.float32).max)  # the learner computes in float32


class Wrong(ValueError):
    """An answer that no environment may give: in words, after the environment's name."""


def of_reset(answer: Any) -> tuple[Any, Any]:
    """(observation, info)."""
    if isinstance(answer, tuple) and len(answer) == 2:
        observation, info = answer
        if info is None or isinstance(info, Mapping):
            return observation, info
    raise Wrong(
        "gave only an observation in a reset; Gymnasium's reset returns two values (observation, "
        "info)"
    )


def of_step(answer: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The five values of a step."""
    if isinstance(answer, (tuple, list)) and len(answer) == 5:
        return answer  # type: ignore[return-value]
    values = f"{len(answer)} values" if isinstance(answer, (tuple, list)) else _kind(answer)
    old = ", the old Gym API" if isinstance(answer, tuple) and len(answer) == 4 else ""
    raise Wrong(
        f"gave {values} in a step{old}; Gymnasium's step returns five values (observation, reward, "
        "terminated, truncated, info)"
    )


def observation(seen: Any, shape: tuple[int, ...], dtype: np.dtype[Any], space: Any) -> np.ndarray:
    """An array of this shape that goes into one of `dtype` without loss.  Not copied.

    space  the dtype that the observation's space says, for the message
    """
    if type(seen) is np.ndarray and seen.dtype is dtype and seen.shape == shape:
        return seen
    try:
        return as_array(seen, shape, dtype, space)
    except Misfit as misfit:
        raise wrong(misfit) from misfit


def encoded(encoder: Encoder, seen: Any, count: int) -> np.ndarray:
    """`count` observations, batched as Gymnasium does, as arrays (count, *shape) of their own."""
    try:
        obs, one = encoder.encode_batch(seen)
    except Misfit as misfit:
        raise wrong(misfit) from misfit
    if one or len(obs) != count:
        found = "one observation" if one else f"{len(obs)} observations"
        raise Wrong(f"gave {found}; expected {count}, batched")
    return finite(encoder, obs)


def finite(encoder: Encoder | None, obs: np.ndarray) -> np.ndarray:
    """Observations (N, *shape), made by the encoder.   Wrong where a number is none."""
    if (found := not_finite(obs, encoder)) is not None:
        raise Wrong(f"(environment {found[0]}) gave {NOT_FINITE} ({found[1]})")
    return obs


def wrong(misfit: Misfit) -> Wrong:
    """An observation that is not of its space."""
    cause = misfit.__cause__
    why = "" if cause is None or isinstance(cause, Misfit) else f" ({said(cause)})"
    return Wrong(f"gave {misfit}{why}")


def reward(given: Any) -> float:
    """One finite number."""
    if type(given) is np.float64:
        given = float(given)
    elif type(given) is not float:
        given = _number(given, "reward")
    if not -LARGEST <= given <= LARGEST:  # NaN neither
        beyond = ", beyond float32" if np.isfinite(given) else ""
        raise Wrong(f"gave the reward {given}{beyond}")
    return given  # type: ignore[no-any-return]


def flag(given: Any, name: str) -> bool:
    """`terminated` or `truncated`: True or False, or a number that is 1 or 0."""
    if type(given) is bool:
        return given
    if type(given) is np.bool_:
        return bool(given)
    number = _number(given, name)
    if number not in (0.0, 1.0):
        raise Wrong(f"gave {name} = {number:g}; expected True or False")
    return number == 1.0


def mask(given: Any, space: Any, count: int, over: bool) -> np.ndarray:
    """Which actions of the space are allowed: (count,) bool, a copy.

    given  flags, or tuples of them (drl.action_space.flags)
    count  of the space's
    over   the episode has ended, where nothing needs to be allowed
    """
    array = flags(given)
    right = array.shape == (count,) and array.dtype.kind in "biu"
    if not right or array.dtype != BOOL and (array >> 1).any():  # neither 0 nor 1
        raise Wrong(f"gave {_numbers(array)} as an action mask; expected {count} of 0 and 1")
    allowed = array.astype(np.bool_)
    if not (over or allows(allowed[None], space)[0]):
        raise Wrong("gave an action mask that allows nothing; expected one action at least")
    return allowed


def require_some(masks: np.ndarray, space: Any) -> None:
    """Wrong unless each of N masks (N, A) allows an action."""
    if not (some := allows(masks, space)).all():
        raise Wrong(
            f"(environment {int(some.argmin())}) gave an action mask that allows nothing; expected "
            "one action at least"
        )


def rewards(given: Any, count: int) -> np.ndarray:
    """(count,) numbers, float64: a copy."""
    if type(given) is np.ndarray and given.dtype is FLOAT64 and given.shape == (count,):
        return given.copy()
    array = np.asarray(given)
    if array.shape != (count,) or array.dtype.kind not in "biuf":
        raise Wrong(f"gave {_numbers(array)} as rewards; expected {count} numbers")
    return np.array(array, np.float64)


def ends(given: Any, count: int, name: str) -> np.ndarray:
    """(count,) of yes and no: a copy."""
    if type(given) is np.ndarray and given.dtype is BOOL and given.shape == (count,):
        return given.copy()
    array = np.asarray(given)
    if array.shape != (count,) or array.dtype != BOOL:
        raise Wrong(f"gave {_numbers(array)} as {name}; expected {count} of bool")
    return array.copy()


def _numbers(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _number(given: Any, name: str) -> float:
    """A number of whatever type, or an array of one without axes."""
    try:
        array = np.asarray(given)
        if array.shape == () and array.dtype.kind in "biuf":
            return float(array)
        shape, what = array.shape, "too large" if isinstance(given, int) else _kind(given)
    except Exception:  # of another device, or of several lengths
        shape, what = (), _kind(given)
    if shape:
        weigh = ", as a wrapper makes of several aims" if name == "reward" and shape != (1,) else ""
        raise Wrong(f"gave a {name} of shape {shape}; expected one value{weigh}")
    raise Wrong(f"gave a {name} that is no number ({what})")


def _kind(given: Any) -> str:
    """None, a short text, or the type of a value."""
    if given is None or isinstance(given, str) and len(given) < 20:
        return repr(str(given)) if isinstance(given, str) else "None"
    return f"of type {type(given).__name__}"
