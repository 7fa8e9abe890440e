"""Stopwatch: contenders take turns, so that a change of the machine's speed meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], repeats: int, seconds: float = 0.05
) -> dict[str, list[float]]:
    """Seconds per call in each repeat.

    A repeat calls each contender for about `seconds` (once at least); how often that is, is found
    in a warm-up, which also compiles and fills caches.
    """
    calls = {name: _calls_in(seconds, call) for name, call in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, call in contenders.items():
            times[name].append(_clock(call, calls[name]) / calls[name])
    return times


def _calls_in(seconds: float, call: Callable[[], Any]) -> int:
    first = _clock(call, 1)  # may compile: it tells little about the next
    if first > 100 * seconds:
        return 1
    return max(1, round(seconds / max(_clock(call, 1), 1e-9)))


def _clock(call: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of above/below over pairs: both of a pair were measured in the same repeat."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread; numpy is on one already (drl.threads)."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
