"""Freed memory is kept for the next step instead of being given back to the system."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
MIB = 2**20


def keep_freed_memory() -> None:
    """A convolution's arrays of some megabytes come and go at every step.  glibc by default returns
    them and is then given pages that the kernel clears again: a tenth of the training time.

    Other C libraries do as they please.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, 32 * MIB)  # from the heap up to here, its largest value
    mallopt(M_TRIM_THRESHOLD, 256 * MIB)  # free at its end before any is returned
