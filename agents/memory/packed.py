"""Observations of several parts in a memory: each part in its own type.

Shapes: N environments, B keys, D numbers of an observation, P bytes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.memory.storage import FrameStorage, Stateless
from drl.encoding import Part


class Packing:
    """Vectors (B, D) float32 of several parts ↔ (B, P) bytes, without loss: bytes as they are, bits
    and one-hots eight to a byte, other numbers as float32.

    parts  of the vector, in order (drl.encoding)
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.size = parts[-1].where.stop
        self.spans: list[tuple[str, slice, slice]] = []  # kind, its numbers, its bytes
        self.bytes = 0
        for part in parts:
            columns, kind = part.where, _kind(part)
            if self.spans and self.spans[-1][0] == kind:  # neighbours of a kind at once
                _, before, at = self.spans.pop()
                columns, self.bytes = slice(before.start, columns.stop), at.start
            end = self.bytes + _bytes(kind, columns.stop - columns.start)
            self.spans.append((kind, columns, slice(self.bytes, end)))
            self.bytes = end

    def pack(self, x: np.ndarray) -> np.ndarray:
        """(B, D) float32 → (B, P) uint8."""
        packed = np.empty((len(x), self.bytes), np.uint8)
        for kind, columns, at in self.spans:
            own = x[:, columns]
            if kind == "bits":
                packed[:, at] = np.packbits(own != 0, axis=1)
            elif kind == "bytes":
                packed[:, at] = own.astype(np.uint8)
            else:
                packed[:, at] = np.ascontiguousarray(own, np.float32).view(np.uint8)
        return packed

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """(B, P) uint8 → (B, D) float32."""
        x = np.empty((len(packed), self.size), np.float32)
        for kind, columns, at in self.spans:
            own, count = packed[:, at], columns.stop - columns.start
            if kind == "bits":
                x[:, columns] = np.unpackbits(own, axis=1, count=count)
            elif kind == "bytes":
                x[:, columns] = own
            else:
                x[:, columns] = np.ascontiguousarray(own).view(np.float32)
        return x


class PackedKeys(Stateless):
    """The key of an observation of several parts is what it is packed to.

    parts  of an observation (drl.encoding)
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.packing = Packing(parts)
        self.key_shape, self.key_dtype = (self.packing.bytes,), np.dtype(np.uint8)

    def keys(self, s: np.ndarray) -> np.ndarray:
        return self.packing.pack(s)

    def decode(self, keys: np.ndarray) -> np.ndarray:
        return self.packing.unpack(keys)


class PackedStorage(FrameStorage):
    """A ring of observations of several parts, each kept once and packed: what FrameStorage does
    with images, with whole observations.

    parts            of an observation (drl.encoding)
    rows … expected  as in FrameStorage
    """

    def __init__(
        self, parts: Sequence[Part], rows: int, num_envs: int, slack: int,
        expected: int | None = None,
    ) -> None:  # fmt: skip
        self.packing = Packing(parts)
        row = (1, 1, self.packing.bytes)
        super().__init__(rows, row, np.uint8, 1, num_envs, slack, expected)

    def encode(
        self, s: np.ndarray, s_next: np.ndarray, ended: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        s = self._packed(s) if self.starts.any() else s  # else it is the last s_next
        return super().encode(s, self._packed(s_next), ended)

    def decode(self, keys: np.ndarray) -> np.ndarray:
        return self.packing.unpack(super().decode(keys).reshape(len(keys), -1))

    def _packed(self, s: np.ndarray) -> np.ndarray:
        return self.packing.pack(s).reshape(len(s), *self.shape)


def worth_packing(parts: Sequence[Part]) -> bool:
    """Whether a vector of these parts has pictures or bytes among other numbers."""
    return len(parts) > 1 and any(part.kind == "picture" or part.bytes for part in parts)


def _kind(part: Part) -> str:
    if part.bytes:
        return "bytes"
    return "bits" if part.kind in ("one-hot", "bits") else "numbers"


def _bytes(kind: str, numbers: int) -> int:
    """That so many numbers of a kind take."""
    return {"bytes": numbers, "bits": -(-numbers // 8), "numbers": 4 * numbers}[kind]
