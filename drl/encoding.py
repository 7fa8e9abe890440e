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

from typing import Any, Literal, NamedTuple

import numpy as np

from drl.errors import UserError
from drl.foreign import ours
from drl.leaves import EXPECTED, Channels, Kind, Leaf, box_leaf, leaves_of
from drl.observed import Misfit, Shape, any_array, at
from drl.spaces import to_json, words

Seen = Channels | Literal["as they are"] | None  # how an environment's pictures are
MORE = {"one-hot": ("counts", "first"), "picture": ("axes",)}  # what a part's kind needs besides


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

        self.original, self.channels, self.turned = ours(original), channels, turned
        self.left_out: list[str] = []
        if turned:
            leaves = list(leaves_of(original, (), channels, self.left_out))
        else:
            leaves = [box_leaf(original, (), turned=False)]
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
            leaf.write(at(obs, leaf.path), out)
            return
        for leaf, part in zip(self.leaves, self.parts, strict=True):
            target = out[part.where]
            if len(leaf.shape) > 1:
                target = target.reshape(leaf.shape)
            value = at(obs, leaf.path)
            try:
                leaf.write(value, target)
            except Misfit as misfit:
                raise Misfit(f"in {part.name} {misfit}") from misfit

    def encode_batch(self, obs: Any) -> tuple[np.ndarray, bool]:
        """One observation of `original`, or N of them (arrays with an axis in front, in the same
        dicts and tuples) → (N, *space.shape), and whether it was one.   Misfit where it is neither.
        """
        values = [any_array(at(obs, leaf.path)) for leaf in self.leaves]
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


def not_finite(obs: np.ndarray, encoder: Encoder | None = None) -> tuple[int, str] | None:
    """The first of N observations (N, *shape) that holds NaN or Inf, and which of its numbers:
    (2, "goal[1] is nan").   None: all are finite.

    encoder  what has made them; None: nothing has
    """
    if obs.dtype.kind != "f" or np.isfinite(obs).all():
        return None
    row, *index = (int(i) for i in np.argwhere(~np.isfinite(obs))[0])
    value, name, parts = obs[(row, *index)], "", () if encoder is None else encoder.parts
    for part in parts:
        if len(parts) == 1:
            name = part.name
        elif part.where.start <= index[0] < part.where.stop:
            inside = np.unravel_index(index[0] - part.where.start, part.shape)
            name, index = part.name, [int(i) for i in inside]
    return row, f"{name or 'number '}{index if name or len(index) > 1 else index[0]} is {value}"


def _shown(leaf: Leaf) -> str:
    shape = "×".join(map(str, leaf.shape))
    return f"picture {shape}" if leaf.kind == "picture" else f"{shape} numbers"


def _count(value: np.ndarray, leaf: Leaf) -> int | None:
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
