"""States put back: a number or an array only where it can be one of ours, and the generators that
are everybody's."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.extras import installed

# what a state of other settings, or one that was changed by hand, raises where it is loaded
UNFIT = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, MemoryError,
    RuntimeError,  # torch's
)  # fmt: skip
LARGEST = 2**63 - 1  # what an int64 holds


def whole(state: Mapping[str, Any], name: str, low: int = 0, high: int = LARGEST) -> int:
    """state[name], a whole number from `low` to `high`.   ValueError, also where it is missing."""
    value = _value(state, name)
    if type(value) is not int or not low <= value <= high:
        top = f" to {high:,}" if high < LARGEST else " up"
        raise ValueError(f"{name} should be a whole number from {low:,}{top}, found {value!r:.40}")
    return value


def wholes(state: Mapping[str, Any], name: str, count: int, high: int) -> list[int]:
    """state[name], a list of `count` whole numbers from 0 to `high`.   ValueError."""
    values = _value(state, name)
    if type(values) is not list or len(values) != count:
        raise ValueError(f"{name} should be a list of {count} whole numbers")
    return [whole({name: value}, name, 0, high) for value in values]


def number(state: Mapping[str, Any], name: str, low: float = -math.inf) -> float:
    """state[name], a finite number of at least `low`.   ValueError."""
    value = _value(state, name)
    if type(value) not in (int, float) or not math.isfinite(value) or not value >= low:
        least = f" of at least {low:g}" if low > -math.inf else ""
        raise ValueError(f"{name} should be a number{least}, found {value!r:.40}")
    return float(value)


def flag(state: Mapping[str, Any], name: str) -> bool:
    """state[name], True or False.   ValueError."""
    value = _value(state, name)
    if type(value) is not bool:
        raise ValueError(f"{name} should be true or false, found {value!r:.40}")
    return value


def column(state: Mapping[str, Any], name: str, dtype: Any, most: int) -> list[Any]:
    """state[name], up to `most` finite numbers in an array of this type.   ValueError."""
    value = _value(state, name)
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != 1:
        raise ValueError(f"{name} should be an array (n,) of {np.dtype(dtype)}")
    if len(value) > most or not np.isfinite(value).all():
        raise ValueError(f"{name} should be up to {most} finite numbers")
    found: list[Any] = value.tolist()
    return found


def optional(
    read: Callable[[Mapping[str, Any], str], float], state: Mapping[str, Any], name: str
) -> float | None:
    """state[name] as `read` takes it, or None.   ValueError."""
    return None if _value(state, name) is None else read(state, name)


def _value(state: Mapping[str, Any], name: str) -> Any:
    if name not in state:
        raise ValueError(f"{name} is missing")
    return state[name]


@contextmanager
def fitting(what: str, settings: str = "config.json") -> Iterator[None]:
    """Around the loading of a state: whatever does not fit is said in one line, a UserError."""
    try:
        yield
    except UserError:
        raise
    except UNFIT as error:
        raise UserError(
            f"{what} does not fit {settings} ({type(error).__name__}: {error}): was one of them "
            "changed or exchanged?"
        ) from error


def fill(
    target: np.ndarray, source: Any, what: str, low: float = -math.inf, high: float = math.inf
) -> None:
    """target[...] = source.  ValueError unless shape and dtype are the same, and every number is
    from `low` to `high` (a NaN is not, where either is given).

    Plain assignment would broadcast a single number over all parameters, and round float64 down.
    """
    if not isinstance(source, np.ndarray):
        raise ValueError(f"{what} should be an array, found {type(source).__name__}")
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ValueError(
            f"{what} should be {target.dtype} {target.shape}, found {source.dtype} {source.shape}"
        )
    if source.size and (low > -math.inf or high < math.inf):
        least, most = source.min(), source.max()  # NaN where there is one
        if not (least >= low and most <= high):
            raise ValueError(f"{what} should be from {low:g} to {high:g}, found {least} to {most}")
    target[...] = source


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
    """An error of UNFIT where they are not what `shared_generators` gave."""
    python = state["python"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    load_mersenne(np.random.set_state, state["numpy"])
    if "torch" in state and installed("torch"):  # elsewhere nothing draws from it
        import torch

        words = torch.get_rng_state().numpy()
        fill(words, state["torch"], "torch's generator")
        torch.set_rng_state(torch.from_numpy(words))


def load_mersenne(set_state: Callable[[Any], None], state: dict[str, Any]) -> None:
    """`set_state` of one of numpy's older generators.   ValueError, KeyError or TypeError."""
    whole(state["state"], "pos", high=624)  # else numpy would read there, beyond its words
    set_state(state)


@contextmanager
def shared_generators_kept() -> Iterator[None]:
    """Whatever the body draws from them, afterwards they are as they were before."""
    before = shared_generators()
    try:
        yield
    finally:
        load_shared_generators(before)
