"""How much memory there is, asked before it is taken: a system that has promised more than it has
does not say so, it kills."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

GIB = 2**30  # bytes
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
ENV_BYTES = 2**14  # of one environment at least, with its place in an agent's arrays


def physical_memory() -> float:
    """Of this machine, or of the container that we are in, in bytes; infinite where the system does
    not tell."""
    found = [float("inf")]
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no sysconf on Windows
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for limit in LIMITS:
        with contextlib.suppress(ValueError, OSError):  # "max": none
            found.append(float(Path(limit).read_text()))
    return min(found)


def require_memory(needed: int, what: str, remedy: str) -> None:
    """MemoryError unless `what`, of so many bytes, can be there."""
    there = physical_memory()
    if needed > there:
        raise MemoryError(
            f"{what} takes {needed / GIB:,.1f} GiB, this machine has {there / GIB:,.1f}: give "
            + remedy
        )


def require_room_for_envs(count: int) -> None:
    """MemoryError where so many environments are beyond any machine like this one."""
    require_memory(count * ENV_BYTES, f"num_envs = {count:,}", "a smaller --num-envs")
