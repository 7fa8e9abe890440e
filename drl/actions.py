"""What an agent chooses, as the environment's own action, and back: `decode` and `encode`.

UnitBox      numbers within −1 … 1, where the environment's Box has its own units and dtype
FromZero     a number 0 … n − 1 of Discrete, which may start elsewhere
ActionTable  a number 0 … n − 1 of any other finite set, or of a Box that is cut into values
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from drl.action_space import choices, one_by_one
from drl.errors import UserError
from drl.spaces import words

UNBOUNDED = float(np.finfo(np.float32).max)  # a bound as far away as that is none
MOST = 4_096  # actions of a table: each is an output of the network, and has to be tried
SHOWN = 12  # actions that are written out in a line


class Unsuited(UserError):
    """Actions that an agent cannot have; another may."""


class Actions(Protocol):
    """How what an agent chooses becomes an action of its environment."""

    original: Any
    """The environment's space."""
    space: Any
    """What the agent chooses from: a Box, or Discrete from 0."""

    def decode(self, chosen: np.ndarray) -> np.ndarray:
        """(N, *space.shape) → the environment's own actions (N, *original.shape), of its dtype."""

    def encode(self, actions: np.ndarray) -> np.ndarray:
        """What `decode` was given: (N, *original.shape) → (N, *space.shape)."""

    def words(self) -> str:
        """What is done, in one line; "" where nothing is."""

    def plain(self) -> dict[str, Any]:
        """What a file has to keep besides the environment's space and the agent's settings, as
        JSON."""


class UnitBox:
    """a ∈ [−1, 1] ↔ low + (a + 1)/2 · (high − low), number by number of a Box.

    A number that is bounded on both sides is chosen within −1 … 1; one that is not is as it is.
    Whatever is chosen, the environment gets what is within its bounds: the rest is clipped.  Of
    whole numbers (Box of ints) each has an equal share of −1 … 1.

    original  the environment's Box
    space     Box of what is chosen, float32, of the same shape
    bounded   which numbers are bounded on both sides: bool, of the same shape

    decode(encode(x)) is x: both ends and whole numbers exactly, others but for the rounding of
    float64 at the Box's width.   Unsuited for another space; UserError where low is high.
    """

    def __init__(self, original: Any) -> None:
        from gymnasium.spaces import Box

        if not isinstance(original, Box):
            raise Unsuited(f"{words(original)} actions are no numbers to choose within −1 … 1")
        self.original = original
        low, high = (b.astype(np.float64) for b in (original.low, original.high))
        self.low = np.where(low <= -UNBOUNDED, -np.inf, low)
        self.high = np.where(high >= UNBOUNDED, np.inf, high)
        self.bounded = np.isfinite(self.low) & np.isfinite(self.high)
        if (still := self.low == self.high).any():
            at = tuple(int(i) for i in np.argwhere(still)[0])
            name = ", ".join(map(str, at)) or "0"
            raise UserError(
                f"number {name} of {words(original)} actions is always {low[at]:g} (low is high): "
                "wrap the env so that it is left out"
            )
        self.whole = original.dtype.kind in "biu"
        with np.errstate(over="ignore", invalid="ignore"):  # ∞ − ∞, of what is not bounded
            middle = (self.low + self.high) / 2
            half = np.maximum(self.high - middle, middle - self.low) + 0.5 * self.whole
            while ((middle + half < self.high) | (middle - half > self.low)).any():
                half = np.nextafter(half, np.inf)  # both ends can be chosen
        self.middle = np.where(self.bounded, middle, 0.0)
        self.half = np.where(self.bounded, half, 1.0)
        ends = np.where(self.bounded, -1.0, self.low), np.where(self.bounded, 1.0, self.high)
        lowest, highest = (end.astype(np.float32) for end in ends)
        self.space = Box(lowest, highest, original.shape, np.float32)

    def decode(self, chosen: np.ndarray) -> np.ndarray:
        """(…, *shape) → the environment's own, clipped to its bounds, of its dtype."""
        x = np.asarray(chosen * self.half + self.middle)  # float64
        if self.whole:
            np.rint(x, out=x)
        np.maximum(x, self.low, out=x)
        np.minimum(x, self.high, out=x)
        if not self.whole:
            return x.astype(self.original.dtype)
        inside = (x > self.low) & (x < self.high)  # 2⁶³ − 1 is no float64, and 2⁶³ no int64
        ends = np.where(x <= self.low, self.original.low, self.original.high)
        return np.where(inside, np.where(inside, x, 0).astype(self.original.dtype), ends)

    def encode(self, actions: np.ndarray) -> np.ndarray:
        """The environment's own (…, *shape) → what is chosen, float64."""
        x = np.asarray(actions, np.float64)
        chosen = (x - self.middle) / self.half
        if self.whole:
            return np.asarray(chosen)
        lowest = np.where(self.bounded & (x <= self.low), -1.0, chosen)
        return np.where(self.bounded & (x >= self.high), 1.0, lowest)

    def words(self) -> str:
        """In one line."""
        if not self.bounded.any():
            return f"{words(self.original)}, not bounded: chosen as they are"
        rest = "" if self.bounded.all() else ", those that are not bounded as they are"
        return f"{words(self.original)}, chosen within −1 … 1{rest}"

    def plain(self) -> dict[str, Any]:
        """Nothing: the bounds say it."""
        return {}


class FromZero:
    """i ∈ 0 … n − 1 ↔ i + start, of Discrete.

    original  the environment's space
    space     Discrete(n)
    """

    def __init__(self, original: Any) -> None:
        from gymnasium.spaces import Discrete

        self.original, self.n, self.start = original, int(original.n), int(original.start)
        self.space = Discrete(self.n)

    def decode(self, chosen: np.ndarray) -> np.ndarray:
        """Numbers (…) → the environment's own actions (…)."""
        return (chosen + self.start).astype(self.original.dtype, copy=False)

    def encode(self, actions: np.ndarray) -> np.ndarray:
        """The environment's own (…) → their numbers (…)."""
        return np.asarray(actions - self.start)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """It is of these numbers: (N, n) bool."""
        return mask

    def words(self) -> str:
        """Nothing is to be said."""
        return ""

    def plain(self) -> dict[str, Any]:
        """Nothing: the space says it."""
        return {}


class ActionTable:
    """Every combination of what the numbers of an action may be, as one number 0 … n − 1; of the
    last number of an action they change fastest.

    MultiDiscrete, MultiBinary  all their values
    Box                         `discretise` values for each number, evenly from low to high, both
                                ends among them (of whole numbers, as many as there are)

    original    the environment's space
    discretise  values for each number of a Box
    values      in place of these: what each number of an action may be, ascending, a row for each,
                as a file has kept it
    space       Discrete(n)
    table       (n, *shape) the actions, of the original's dtype

    Unsuited for a space without such values, and above MOST actions; ValueError where `values` are
    none of the space.
    """

    def __init__(
        self, original: Any, discretise: int | None = None,
        values: Sequence[Sequence[Any]] | None = None,
    ) -> None:  # fmt: skip
        from gymnasium.spaces import Discrete

        self.original = original
        rows = _values(original, discretise) if values is None else values
        self.values = [np.array(row, original.dtype) for row in rows]
        if len(rows) != math.prod(original.shape) or not all(map(_ascending, self.values)):
            raise ValueError(f"{values!r:.80} are no values of {words(original)} actions")
        self.counts = tuple(len(row) for row in self.values)
        _require_few(original, self.counts)
        self.n = math.prod(self.counts)
        self.space = Discrete(self.n)
        digits = np.unravel_index(np.arange(self.n), self.counts)  # of each number of an action
        columns = [row[d] for row, d in zip(self.values, digits, strict=True)]
        self.table = np.stack(columns, -1).reshape(self.n, *original.shape)
        if not all(end in original for end in one_by_one(self.table[[0, -1]], original)):
            raise ValueError(f"values beyond the bounds of {words(original)} actions")

    def decode(self, chosen: np.ndarray) -> np.ndarray:
        """Numbers (…) → the environment's own actions (…, *shape)."""
        return self.table.take(chosen, axis=0)

    def encode(self, actions: np.ndarray) -> np.ndarray:
        """The environment's own (N, *shape) → their numbers (N,).   ValueError where one is not in
        the table."""
        digits = []
        for row, column in zip(self.values, actions.reshape(len(actions), -1).T, strict=True):
            digit = np.minimum(row.searchsorted(column), len(row) - 1)
            if (row[digit] != column).any():
                raise ValueError(f"an action that is none of the {self.n:,} in the table")
            digits.append(digit)
        return np.asarray(np.ravel_multi_index(digits, self.counts))

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Which numbers a mask of the original (N, A) allows (drl.action_space): (N, n) bool."""
        first, *rest = np.split(mask, np.cumsum(self.counts)[:-1], axis=1)
        for part in rest:  # every combination of what is allowed before and what is here
            first = (first[:, :, None] & part[:, None, :]).reshape(len(mask), -1)
        return first

    def words(self) -> str:
        """In one line."""
        shown = ", ".join(str(action.tolist()) for action in self.table[:SHOWN])
        rest = ", …" if self.n > SHOWN else ""
        return f"{words(self.original)} as {self.n:,}: {shown}{rest}"

    def plain(self) -> dict[str, Any]:
        """What each number of an action may be."""
        return {"action_values": [row.tolist() for row in self.values]}


Numbered = FromZero | ActionTable


def numbered(
    space: Any, discretise: int | None = None, values: Sequence[Sequence[Any]] | None = None
) -> Numbered:
    """The actions of a space by number.   Unsuited as above; UserError where there is nothing to
    discretise."""
    from gymnasium.spaces import Box, Discrete

    if discretise is not None and not isinstance(space, Box):
        raise UserError(
            f"`discretise={discretise}` is for Box actions, found {words(space)}: leave it out"
        )
    return (
        FromZero(space) if isinstance(space, Discrete) else ActionTable(space, discretise, values)
    )


def _values(space: Any, discretise: int | None) -> list[np.ndarray]:
    """What each number of an action may be."""
    counts = choices(space)
    if counts is not None:
        _require_few(space, counts)
        start = np.asarray(getattr(space, "start", 0)).ravel()
        starts = np.broadcast_to(start, len(counts)).tolist()
        return [np.arange(first, first + n) for first, n in zip(starts, counts, strict=True)]
    if discretise is None:
        raise Unsuited(f"{words(space)} actions are no finite set")
    bounds = np.stack([space.low.ravel(), space.high.ravel()], 1).astype(np.float64)  # (d, 2)
    if not (np.abs(bounds) < UNBOUNDED).all():
        raise Unsuited(f"{words(space)} actions have no ends for `discretise={discretise}`")
    whole = space.dtype.kind in "biu"
    counts = [min(discretise, int(b - a) + 1) if whole else discretise for a, b in bounds]
    _require_few(space, counts, discretise)
    rows = [np.linspace(a, b, n) for (a, b), n in zip(bounds.tolist(), counts, strict=True)]
    return [np.unique((np.rint(row) if whole else row).astype(space.dtype)) for row in rows]


def _ascending(row: np.ndarray) -> bool:
    return row.ndim == 1 and len(row) > 0 and bool((row[1:] > row[:-1]).all())


def _require_few(space: Any, counts: Sequence[int], discretise: int | None = None) -> None:
    """Unsuited above MOST."""
    n, fewer = math.prod(counts), int(MOST ** (1 / max(1, len(counts))) + 1e-9)
    if n <= MOST:
        return
    by = "" if discretise is None else f" by `discretise={discretise}`"
    less = f" (`discretise={fewer}` would do)" if by and fewer > 1 else ""
    raise Unsuited(f"{words(space)} actions are {n:,}{by}, {MOST:,} at most go into a table{less}")
