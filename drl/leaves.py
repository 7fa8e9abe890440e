"""Spaces that have no spaces in them, and how the values of each become numbers of an array.

What becomes of which kind of space stands in drl.encoding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from drl.errors import UserError
from drl.foreign import foreign, how_to_mend, is_text
from drl.observed import Misfit, Shape, as_array, flat_numbers, whole_number, whole_numbers
from drl.spaces import words

Kind = Literal["numbers", "picture", "one-hot", "bits"]
Channels = Literal["first", "last"]
EXPECTED = "expected Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of them"


@dataclass(frozen=True)
class Leaf:
    """One space that has no spaces in it, and how its values become numbers."""

    path: tuple[Any, ...]
    raw: Shape  # of a value, as the environment gives it
    shape: Shape  # as it is delivered
    low: np.ndarray
    high: np.ndarray
    kind: Kind
    words: str
    write: Callable[[Any, np.ndarray], None]  # value, out (*shape)
    write_all: Callable[[np.ndarray, np.ndarray], None]  # values (N, *raw), out (N, *shape)
    counts: Shape = ()  # these three as in drl.encoding.Part
    first: Shape = ()
    axes: Shape = ()

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def factor(self) -> float:
        """1/255 of images, 1 of a board of 0 and 1 and of all that is no byte."""
        return 1 / max(int(self.high.max(initial=1)), 1) if self.low.dtype == np.uint8 else 1.0


def leaves_of(
    space: Any, path: tuple[Any, ...], channels: Channels | None, left_out: list[str]
) -> Iterator[Leaf]:
    """The leaves of a space, in its own order; names of texts go to `left_out`.

    path  keys and indices that lead to the space

    UserError on a space that cannot be an array, in words that go on after an environment's name.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, each in inner:
            yield from leaves_of(each, (*path, key), channels, left_out)
    elif path and is_text(space):
        left_out.append(".".join(map(str, path)))
    elif isinstance(space, spaces.Box):
        yield box_leaf(space, path, channels)
    elif isinstance(space, spaces.Discrete):
        yield _one_hot(space, path)
    elif isinstance(space, spaces.MultiDiscrete):
        yield _one_hots(space, path)
    elif isinstance(space, spaces.MultiBinary):
        yield _bits(space, path)
    else:
        where = f" in {'.'.join(map(str, path))}" if path else ""
        raise UserError(
            f"has {foreign(space) or words(space)} observations{where}: {EXPECTED}; "
            f"{how_to_mend(space)}"
        )


def channels_first(shape: Shape) -> bool:
    """Whether pictures of this shape seem to have their channels first: the first number is the
    smallest, and at most 4 or half of the others."""
    first, rest = shape[0], min(shape[1:])
    return first < rest and (first <= 4 or 2 * first <= rest)


def delivered(space: Any) -> Any:
    """The Box in which observations of a Box come: bytes as they are, other numbers as float32."""
    from gymnasium.spaces import Box

    if space.dtype in (np.uint8, np.float32):
        return space
    with np.errstate(over="ignore"):  # a bound beyond float32 is none
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    return Box(low, high, space.shape, np.float32)


def box_leaf(
    space: Any, path: tuple[Any, ...], channels: Channels | None = None, turned: bool = True
) -> Leaf:
    """turned: pictures may change their shape."""
    box = delivered(space) if turned else space
    raw: Shape = tuple(space.shape)
    low, high, said = box.low, box.high, ""
    kind: Kind = "numbers"
    axes: Shape = ()
    if turned and raw == ():
        low, high, said = low.reshape(1), high.reshape(1), "a number as a vector of 1"
    elif turned and len(raw) == 2 and (not path or space.dtype == np.uint8):
        low, high, kind = low[..., None], high[..., None], "picture"
        said = f"{raw} as a picture of one channel, {(*raw, 1)}"
    elif len(raw) == 3:
        kind = "picture"
        if turned and (channels == "first" or (channels is None and channels_first(raw))):
            axes = (1, 2, 0)
            low, high = low.transpose(axes), high.transpose(axes)
            said = f"a picture {raw} with its channels moved last, {low.shape}"
            said += "" if channels else " (by its shape; `channels` decides)"
    shape: Shape = low.shape
    if path and kind == "numbers" and len(shape) > 1:
        low, high, shape = low.ravel(), high.ravel(), (low.size,)
    dtype, its = box.dtype, space.dtype

    def write(value: Any, out: np.ndarray) -> None:
        array = as_array(value, raw, dtype, its)
        out[...] = (array.transpose(axes) if axes else array).reshape(shape)

    def write_all(values: np.ndarray, out: np.ndarray) -> None:
        array = as_array(values, (len(out), *raw), dtype, its)
        if axes:
            array = array.transpose(0, *(axis + 1 for axis in axes))
        out[...] = array.reshape(out.shape)

    return Leaf(path, raw, shape, low, high, kind, said, write, write_all, axes=axes)


def _one_hot(space: Any, path: tuple[Any, ...]) -> Leaf:
    size, first, said = int(space.n), int(space.start), words(space)
    end = first + size

    def write(value: Any, out: np.ndarray) -> None:
        chosen = value if type(value) is int else whole_number(value, said)
        if not first <= chosen < end:
            raise Misfit(f"{chosen} in an observation; its space says {said}")
        out.fill(0)
        out[chosen - first] = 1

    return _zeros_and_ones(
        path, (), size, "one-hot", f"{said} one-hot, {size:,}", write,
        _into_places([size], [first], (), said), (size,), (first,),
    )  # fmt: skip


def _one_hots(space: Any, path: tuple[Any, ...]) -> Leaf:
    """One-hot vectors side by side."""
    raw, said = tuple(space.shape), words(space)
    counts: list[int] = space.nvec.ravel().tolist()
    starts: list[int] = getattr(space, "start", np.zeros_like(space.nvec)).ravel().tolist()
    *offsets, size = itertools.accumulate(counts, initial=0)
    bounds = [(first, first + n, at) for first, n, at in zip(starts, counts, offsets, strict=True)]

    def write(value: Any, out: np.ndarray) -> None:
        numbers = flat_numbers(value, raw, said)
        out.fill(0)
        for chosen, (first, end, offset) in zip(numbers, bounds, strict=True):
            if not first <= chosen < end:
                raise Misfit(f"{chosen} in an observation; its space says {said}")
            out[offset + chosen - first] = 1

    return _zeros_and_ones(
        path, raw, size, "one-hot", f"{said} one-hot each, {size:,}", write,
        _into_places(counts, starts, raw, said), tuple(counts), tuple(starts),
    )  # fmt: skip


def _into_places(
    counts: list[int], starts: list[int], raw: Shape, said: str
) -> Callable[[np.ndarray, np.ndarray], None]:
    """Writes the one-hots of many values at once."""
    first, end = np.array(starts), np.array(starts) + counts
    place = np.cumsum([0, *counts[:-1]]) - first  # of a value's 1, less the value

    def write_all(values: np.ndarray, out: np.ndarray) -> None:
        chosen = whole_numbers(values, (len(out), *raw), said).reshape(len(out), len(counts))
        wrong = (chosen < first) | (chosen >= end)
        if wrong.any():
            raise Misfit(f"{chosen[wrong][0]} in an observation; its space says {said}")
        out.fill(0)
        out[np.arange(len(out))[:, None], chosen + place] = 1

    return write_all


def _bits(space: Any, path: tuple[Any, ...]) -> Leaf:
    raw: Shape = tuple(space.shape)
    size, said = math.prod(raw), words(space)

    def write(value: Any, out: np.ndarray) -> None:
        out[...] = as_array(value, raw, np.dtype(np.bool_), said).ravel()

    def write_all(values: np.ndarray, out: np.ndarray) -> None:
        array = as_array(values, (len(out), *raw), np.dtype(np.bool_), said)
        out[...] = array.reshape(out.shape)

    return _zeros_and_ones(
        path, raw, size, "bits", f"{said} as 0 and 1, {size:,}", write, write_all
    )


def _zeros_and_ones(
    path: tuple[Any, ...], raw: Shape, size: int, kind: Kind, said: str,
    write: Callable[[Any, np.ndarray], None], write_all: Callable[[np.ndarray, np.ndarray], None],
    counts: Shape = (), first: Shape = (),
) -> Leaf:  # fmt: skip
    low, high = np.zeros(size, np.float32), np.ones(size, np.float32)
    return Leaf(path, raw, (size,), low, high, kind, said, write, write_all, counts, first)
