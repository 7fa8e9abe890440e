"""States put back: an array only where it fits exactly, and the generators that are everybody's."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def fill(target: np.ndarray, source: Any, what: str) -> None:
    """target[:] = source.  ValueError unless shape and dtype are the same.

    Plain assignment would broadcast a single number over all parameters, and round float64 down.
    """
    if not isinstance(source, np.ndarray):
        raise ValueError(f"{what} should be an array, found {type(source).__name__}")
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ValueError(
            f"{what} should be {target.dtype} {target.shape}, found {source.dtype} {source.shape}"
        )
    target[:] = source


# Nothing of ours draws from the generators that a process shares, but somebody's environment may.
def seed_shared(seed: int) -> None:
    """Python's, numpy's and, where it is loaded, torch's generator."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    seed_torch(seed)


def seed_torch(seed: int) -> None:
    """torch's generator alone, where torch is loaded."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def shared_generators() -> dict[str, Any]:
    """Their states."""
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "python": {"version": version, "words": np.array(words, np.int64), "gauss": gauss},
        "numpy": np.random.get_state(legacy=False),
    }
    if "torch" in sys.modules:
        state["torch"] = sys.modules["torch"].get_rng_state().numpy()
    return state


def load_shared_generators(state: dict[str, Any]) -> None:
    """ValueError, KeyError or TypeError where they are not what `shared_generators` gave."""
    python = state["python"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    np.random.set_state(state["numpy"])
    if "torch" in state:
        import torch

        torch.set_rng_state(torch.from_numpy(state["torch"]))


@contextmanager
def shared_generators_kept() -> Iterator[None]:
    """Whatever the body draws from them, afterwards they are as they were before."""
    before = shared_generators()
    try:
        yield
    finally:
        load_shared_generators(before)
