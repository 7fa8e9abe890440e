"""Which key an observation is kept by where each has one of its own, with all that it was."""

from __future__ import annotations

from agents.memory.one_hot import BitStorage, OneHotStorage
from agents.memory.packed import PackedKeys, worth_packing
from agents.memory.storage import ArrayStorage, Stateless
from agents.setup import Setup


def build_keys(setup: Setup) -> Stateless:
    """A one-hot vector is kept as a number, several and bits as bits, pictures and bytes beside
    other numbers as bytes; other arrays as they are."""
    seen = setup.observation_space
    parts = () if setup.encoder is None else setup.encoder.parts
    if worth_packing(parts):
        return PackedKeys(parts)
    if len(parts) == 1 and len(parts[0].counts) == 1:
        return OneHotStorage(seen.shape[0])
    if parts and all(part.kind in ("one-hot", "bits") for part in parts):
        return BitStorage(seen.shape[0])
    return ArrayStorage(seen.shape, seen.dtype)
