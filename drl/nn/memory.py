"""How much memory there is, asked before an array is allocated.

A system hands out more memory than it has, and kills the process that uses it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

GIB = 2**30  # bytes
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
ENV_BYTES = 2**14  # of one environment at least, with its place in an agent's arrays


def physical_memory() -> float:
    """Bytes of memory of this machine, or of the container that the process runs in.

    Infinite where the system does not say.
    """
    found = [float("inf")]
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no sysconf on Windows
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for limit in LIMITS:
        with contextlib.suppress(ValueError, OSError):  # "max": none
            found.append(float(Path(limit).read_text()))
    return min(found)


def require_memory(needed: int, what: str, remedy: str) -> None:
    """MemoryError where this machine has less memory than `needed` bytes.

    what    the thing that needs them, for the message
    remedy  what to give instead, for the message
    """
    there = physical_memory()
    if needed > there:
        raise MemoryError(
            f"{what} takes {needed / GIB:,.1f} GiB, this machine has {there / GIB:,.1f}: give "
            + remedy
        )


def require_room_for_envs(count: int) -> None:
    """MemoryError where `count` environments, of ENV_BYTES each at least, do not fit."""
    require_memory(count * ENV_BYTES, f"num_envs = {count:,}", "a smaller num_envs")
