"""What an environment shows, as one array per observation: a function of Gymnasium's space.

Box             as it is; a scalar as a vector of 1; (H, W) as a picture of one channel; pictures
                with their channels first are turned to (H, W, C)
Discrete        one-hot:  3 of 5 → 0 0 0 1 0
MultiDiscrete   one-hots side by side
MultiBinary     0 and 1
Dict, Tuple     their parts side by side in one vector, nested ones too: first all but the
                pictures, then the pictures, pixel by pixel
Text            is left out of a Dict or Tuple, as is another package's space of texts
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from drl.errors import UserError
from drl.spaces import to_json, words

Shape = tuple[int, ...]
Kind = Literal["numbers", "picture", "one-hot", "bits"]
Channels = Literal["first", "last"]
Seen = Channels | Literal["as they are"] | None  # how an environment's pictures are
LONGEST = 1_000  # characters of a text that another package's space has; what it says is left out
FLOAT32 = np.dtype(np.float32)
MORE = {"one-hot": ("counts", "first"), "picture": ("axes",)}  # what a part's kind needs besides
KINDS = {"u": "biu", "b": "biu", "f": "biuf"}  # an observation's → those that go into it


class Misfit(ValueError):
    """An observation that is not of its space: in words, for a sentence that goes on before it."""


class Part(NamedTuple):
    """A part of the delivered array."""

    name: str  # where it was: "camera", "goal.position", "0"; "" where it is all there is
    where: slice  # in the vector; of all there is, all of it
    shape: Shape
    kind: Kind
    factor: float  # that brings bytes to 0 … 1; 1 for all else
    path: tuple[Any, ...]  # keys and indices that lead to it
    counts: Shape  # of "one-hot": numbers in each, one behind the other
    first: Shape  # of "one-hot": the value whose 1 comes first, of each
    axes: Shape  # of "picture": its axes in the order in which they are delivered; (): as they are
    bytes: bool  # whether its numbers are uint8


@dataclass(frozen=True)
class _Leaf:
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
    counts: Shape = ()  # as in Part
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


class Encoder:
    """Observations of `original` → arrays of the Box `space`.

    original  Gymnasium's space
    channels  whether the pictures in it have their channels first or last; None: found by shape
    turned    False: `original` is a Box, in whose own shape and type observations come
    parts     of the array, in order
    left_out  names of the parts that are not in it
    plain     nothing is done but to the type of a Box's numbers; `original` is then `space`

    Bytes (uint8) of a single Box stay bytes; all else is float32, bytes among it as 0 … 255.
    UserError for a space that cannot be an array, in words that go on after an environment's name.
    """

    def __init__(
        self, original: Any, channels: Channels | None = None, turned: bool = True
    ) -> None:
        from gymnasium.spaces import Box

        self.original, self.channels, self.turned = _ours(original), channels, turned
        self.left_out: list[str] = []
        if turned:
            leaves = list(_leaves(original, (), channels, self.left_out))
        else:
            leaves = [_box(original, (), turned=False)]
        if not leaves:
            raise UserError(f"has {words(original)} observations, nothing is left: {EXPECTED}")
        leaves.sort(key=lambda leaf: leaf.kind == "picture")  # stable: else in order
        self.leaves, (first, *more) = tuple(leaves), leaves
        self.plain = not (more or first.path or first.words)
        if more:
            low = np.concatenate([leaf.low.ravel().astype(np.float32) for leaf in leaves])
            high = np.concatenate([leaf.high.ravel().astype(np.float32) for leaf in leaves])
            self.space: Any = Box(low, high, low.shape, np.float32)
        else:
            self.space = Box(first.low, first.high, first.shape, first.low.dtype.type)
        if self.plain:
            self.original = self.space
        ends = np.cumsum([leaf.size for leaf in leaves]).tolist()
        self.parts = tuple(
            Part(
                leaf.name, slice(end - leaf.size, end), leaf.shape, leaf.kind, leaf.factor,
                leaf.path, leaf.counts, leaf.first, leaf.axes, leaf.low.dtype == np.uint8,
            )
            for leaf, end in zip(leaves, ends, strict=True)
        )  # fmt: skip

    def __reduce__(self) -> Any:
        return Encoder, (self.original, self.channels, self.turned)

    def encode(self, obs: Any, out: np.ndarray) -> None:
        """out (*space.shape) ← one observation of `original`.   Misfit where it is none."""
        if len(self.leaves) == 1:
            leaf = self.leaves[0]
            leaf.write(_at(obs, leaf.path), out)
            return
        for leaf, part in zip(self.leaves, self.parts, strict=True):
            target = out[part.where]
            if len(leaf.shape) > 1:
                target = target.reshape(leaf.shape)
            try:
                leaf.write(_at(obs, leaf.path), target)
            except Misfit as misfit:
                raise Misfit(f"in {part.name} {misfit}") from misfit

    def encode_batch(self, obs: Any) -> tuple[np.ndarray, bool]:
        """One observation of `original`, or N of them (arrays with an axis in front, in the same
        dicts and tuples) → (N, *space.shape), and whether it was one.   Misfit where it is neither.
        """
        values = [_array(_at(obs, leaf.path)) for leaf in self.leaves]
        counts = {_count(value, leaf) for value, leaf in zip(values, self.leaves, strict=True)}
        if len(counts) > 1:
            raise Misfit(f"parts of different numbers of observations: {sorted(map(str, counts))}")
        (count,) = counts
        out = np.empty((1 if count is None else count, *self.space.shape), self.space.dtype)
        for leaf, part, value in zip(self.leaves, self.parts, values, strict=True):
            rows = value[None] if count is None else value
            if len(self.leaves) == 1:
                leaf.write_all(rows, out)
                continue
            try:
                leaf.write_all(rows, out[:, part.where].reshape(len(out), *leaf.shape))
            except Misfit as misfit:
                raise Misfit(f"in {part.name} {misfit}") from misfit
        return out, count is None

    def description(self) -> dict[str, Any]:
        """What is done to an observation, as JSON: enough to do it elsewhere.

        words      in one line; "" where nothing is done
        space      Gymnasium's, of an observation as the environment gives it (drl.spaces.to_json)
        shape      of the array
        parts      in order, side by side where there are several
          path           keys and indices that lead to the part in Dicts and Tuples
          kind           numbers, bits, picture: as they are; one-hot
          shape          in the array
          counts, first  one-hot: of each how many numbers, and the value whose 1 comes first
          axes           picture: the order to which its axes are turned; []: as they are
        left_out   names of texts that are not in it
        """
        parts = [
            {"path": list(part.path), "kind": part.kind, "shape": list(part.shape)}
            | {name: list(getattr(part, name)) for name in MORE.get(part.kind, ())}
            for part in self.parts
        ]
        return {
            "words": self.words(), "space": to_json(self.original),
            "shape": list(self.space.shape), "parts": parts, "left_out": self.left_out,
        }  # fmt: skip

    def words(self) -> str:
        """What is done to an observation, in one line; "" where nothing is."""
        if self.plain:
            return ""
        gone = f"; left out: {', '.join(self.left_out)} (texts)" if self.left_out else ""
        if len(self.leaves) == 1:
            (leaf,) = self.leaves
            name = f"{leaf.name}: " if leaf.path else ""
            return f"{name}{leaf.words or _shown(leaf)}{gone}"
        parts = [f"{leaf.name} ({leaf.words or _shown(leaf)})" for leaf in self.leaves]
        return f"a vector of {self.space.shape[0]:,}: {', '.join(parts)}{gone}"


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


def as_array(seen: Any, shape: Shape, dtype: np.dtype[Any], space: Any) -> np.ndarray:
    """An array of this shape that goes into one of `dtype` without loss.

    space  the dtype that the observation's space says, for the message

    Misfit where there is none.
    """
    try:
        array = np.asarray(seen)
    except Exception as error:  # rows of several lengths, an array of another device
        raise Misfit("an observation that is no array") from error
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


# -- spaces ---------------------------------------------------------------------------------------
EXPECTED = "expected Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of them"


def _leaves(
    space: Any, path: tuple[Any, ...], channels: Channels | None, left_out: list[str]
) -> Iterator[_Leaf]:
    """In the space's own order."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, each in inner:
            yield from _leaves(each, (*path, key), channels, left_out)
    elif path and is_text(space):
        left_out.append(".".join(map(str, path)))
    elif isinstance(space, spaces.Box):
        yield _box(space, path, channels)
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


def is_text(space: Any) -> bool:
    """Gymnasium's Text, or another package's space of texts, as MiniGrid's missions."""
    from gymnasium.spaces import Text

    dtype = getattr(space, "dtype", None)
    return isinstance(space, Text) or getattr(dtype, "kind", "") == "U"


def _ours(space: Any) -> Any:
    """The same, with Gymnasium's Text for other spaces of texts: files know no others."""
    from gymnasium.spaces import Dict, Text, Tuple

    if isinstance(space, Dict) and any(_ours(s) is not s for s in space.spaces.values()):
        return Dict([(key, _ours(s)) for key, s in space.spaces.items()])
    if isinstance(space, Tuple) and any(_ours(s) is not s for s in space.spaces):
        return Tuple([_ours(s) for s in space.spaces])
    return Text(LONGEST) if is_text(space) and type(space) is not Text else space


def foreign(space: Any) -> str | None:
    """What to call another package's space of one of Gymnasium's kinds; None for any other."""
    from gymnasium import spaces

    kind = type(space)
    root = kind.__module__.partition(".")[0]
    its = getattr(spaces, kind.__name__, None)
    if its is None or isinstance(space, its):
        return None
    return f"{kind.__name__} ({root}'s, not Gymnasium's)"


def how_to_mend(space: Any) -> str:
    """An environment whose space is none of ours."""
    if type(space).__module__.partition(".")[0] == "gym":
        return (
            "it is one of the old gym package: give a function that returns "
            "shimmy.GymV21CompatibilityV0(env=…), or GymV26CompatibilityV0"
        )
    return "wrap the env"


def kind_of(space: Any) -> str:
    """A space by its class alone."""
    return foreign(space) or type(space).__name__


def _box(
    space: Any, path: tuple[Any, ...], channels: Channels | None = None, turned: bool = True
) -> _Leaf:
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

    return _Leaf(path, raw, shape, low, high, kind, said, write, write_all, axes=axes)


def _one_hot(space: Any, path: tuple[Any, ...]) -> _Leaf:
    size, first, said = int(space.n), int(space.start), words(space)
    end = first + size

    def write(value: Any, out: np.ndarray) -> None:
        chosen = value if type(value) is int else _whole(value, said)
        if not first <= chosen < end:
            raise Misfit(f"{chosen} in an observation; its space says {said}")
        out.fill(0)
        out[chosen - first] = 1

    return _zeros_and_ones(
        path, (), size, "one-hot", f"{said} one-hot, {size:,}", write,
        _into_places([size], [first], (), said), (size,), (first,),
    )  # fmt: skip


def _one_hots(space: Any, path: tuple[Any, ...]) -> _Leaf:
    """One-hot vectors side by side."""
    raw, said = tuple(space.shape), words(space)
    counts: list[int] = space.nvec.ravel().tolist()
    starts: list[int] = getattr(space, "start", np.zeros_like(space.nvec)).ravel().tolist()
    *offsets, size = itertools.accumulate(counts, initial=0)
    bounds = [(first, first + n, at) for first, n, at in zip(starts, counts, offsets, strict=True)]

    def write(value: Any, out: np.ndarray) -> None:
        out.fill(0)
        for chosen, (first, end, offset) in zip(_wholes(value, raw, said), bounds, strict=True):
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
        chosen = _whole_numbers(values, (len(out), *raw), said).reshape(len(out), len(counts))
        wrong = (chosen < first) | (chosen >= end)
        if wrong.any():
            raise Misfit(f"{chosen[wrong][0]} in an observation; its space says {said}")
        out.fill(0)
        out[np.arange(len(out))[:, None], chosen + place] = 1

    return write_all


def _bits(space: Any, path: tuple[Any, ...]) -> _Leaf:
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
) -> _Leaf:  # fmt: skip
    low, high = np.zeros(size, np.float32), np.ones(size, np.float32)
    return _Leaf(path, raw, (size,), low, high, kind, said, write, write_all, counts, first)


def _shown(leaf: _Leaf) -> str:
    shape = "×".join(map(str, leaf.shape))
    return f"picture {shape}" if leaf.kind == "picture" else f"{shape} numbers"


# -- values ---------------------------------------------------------------------------------------
def _at(obs: Any, path: tuple[Any, ...]) -> Any:
    """What a Dict's or Tuple's observation has there."""
    for key in path:
        if isinstance(obs, (tuple, list)):
            there = isinstance(key, int) and key < len(obs)
        else:
            there = isinstance(obs, Mapping) and key in obs
        if not there:
            raise Misfit(f"an observation without {'.'.join(map(str, path))}")
        obs = obs[key]
    return obs


def _whole(value: Any, said: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        array = _array(value)
        if array.shape == () and array.dtype.kind in "iub":
            return int(array)
    found = f"{array.dtype} of shape {array.shape}"
    raise Misfit(f"an observation of {found}; its space says {said}")


def _wholes(value: Any, raw: Shape, said: str) -> list[int]:
    numbers: list[int] = _whole_numbers(_array(value), raw, said).ravel().tolist()
    return numbers


def _whole_numbers(array: np.ndarray, shape: Shape, said: str) -> np.ndarray:
    if array.shape != shape or array.dtype.kind not in "iub":
        found = f"{array.dtype} of shape {array.shape}"
        raise Misfit(f"an observation of {found}; its space says {said}")
    return array


def _array(value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except Exception as error:
        raise Misfit("an observation that is no array") from error


def _count(value: np.ndarray, leaf: _Leaf) -> int | None:
    """How many values there are; None: one.   Misfit on another shape."""
    if value.shape == leaf.raw:
        return None
    if value.shape[1:] == leaf.raw and value.ndim:
        return len(value)
    where = f" in {leaf.name}" if leaf.path else ""
    many = ", ".join(map(str, ("N", *leaf.raw)))
    raise Misfit(
        f"an observation of shape {value.shape}{where}; expected {leaf.raw} or a batch ({many})"
    )
