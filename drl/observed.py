"""Values that an observation has, as arrays and whole numbers without loss: Misfit where they are
none.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

Shape = tuple[int, ...]
KINDS = {"u": "biu", "b": "biu", "f": "biuf"}  # an observation's → those that go into it


class Misfit(ValueError):
    """An observation that is not of its space: in words, for a sentence that goes on before it."""


def as_array(seen: Any, shape: Shape, dtype: np.dtype[Any], space: Any) -> np.ndarray:
    """An array of this shape that goes into one of `dtype` without loss.

    space  the dtype that the observation's space says, for the message

    Misfit where there is none.
    """
    array = any_array(seen)
    if array.shape != shape:
        raise Misfit(f"an observation of shape {array.shape}; its space says {shape}")
    if array.dtype.kind not in KINDS[dtype.kind]:  # 0.5 as a byte is 0
        raise Misfit(f"an observation of {array.dtype}; its space says {space}")
    if array.dtype.kind in "iu" and dtype.kind != "f" and array.size:
        most = 1 if dtype == np.bool_ else int(np.iinfo(dtype).max)
        for number in (int(array.min()), int(array.max())):
            if not 0 <= number <= most:  # 300 as a byte is 44
                raise Misfit(f"{number} in an observation; its space says {space}, 0 to {most}")
    with np.errstate(over="ignore"):  # a float64 beyond float32 is Inf, and named as that
        return array.astype(dtype)


def at(obs: Any, path: tuple[Any, ...]) -> Any:
    """What a Dict's or Tuple's observation has at the end of a path.   Misfit where it has not."""
    for key in path:
        if isinstance(obs, (tuple, list)):
            there = isinstance(key, int) and key < len(obs)
        else:
            there = isinstance(obs, Mapping) and key in obs
        if not there:
            raise Misfit(f"an observation without {'.'.join(map(str, path))}")
        obs = obs[key]
    return obs


def whole_number(value: Any, said: str) -> int:
    """An observation of a Discrete.   Misfit where it is no whole number.   said: its space."""
    try:
        return operator.index(value)
    except TypeError:
        array = any_array(value)
        if array.shape == () and array.dtype.kind in "iub":
            return int(array)
    found = f"{array.dtype} of shape {array.shape}"
    raise Misfit(f"an observation of {found}; its space says {said}")


def flat_numbers(value: Any, raw: Shape, said: str) -> list[int]:
    """Whole numbers of shape `raw`, one after the other.   Misfit where they are others."""
    numbers: list[int] = whole_numbers(any_array(value), raw, said).ravel().tolist()
    return numbers


def whole_numbers(array: np.ndarray, shape: Shape, said: str) -> np.ndarray:
    """The array.   Misfit unless it is of whole numbers and this shape."""
    if array.shape != shape or array.dtype.kind not in "iub":
        found = f"{array.dtype} of shape {array.shape}"
        raise Misfit(f"an observation of {found}; its space says {said}")
    return array


def numbers(value: Any) -> np.ndarray:
    """An array of numbers.   Misfit where there is none."""
    array = any_array(value)
    if array.dtype.kind not in KINDS["f"]:
        raise Misfit(f"an array of {array.dtype}, no numbers")
    return array


def any_array(value: Any) -> np.ndarray:
    """What numpy makes of it.   Misfit where that is nothing."""
    try:
        return np.asarray(value)
    except Exception as error:  # rows of several lengths, an array of another device
        raise Misfit("an observation that is no array") from error
