"""Loops compiled by numba, where it is installed (the extra `fast`).

A compiled loop gives the numbers of its numpy twin to the last bit, so having numba or not changes
no result.  Importing numba and loading a loop take 0.3 s, compiling it the first time some seconds:
a caller asks where that pays (docs/decisions/compiled-loops.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any


@cache
def compiled(
    loop: Callable[..., Any], signature: str, *parts: Callable[..., Any]
) -> Callable[..., Any] | None:
    """`loop` as machine code for arguments of these types; None where numba is not there.

    parts  plain functions of ours that the loop calls
    """
    try:
        import numba
        from numba.extending import register_jitable
    except ImportError:  # not installed, or not made for this numpy
        return None
    for part in parts:
        register_jitable(part)
    try:
        return numba.njit(signature, cache=True, error_model="numpy")(loop)
    except Exception:  # nowhere to keep it (read-only, full), or what is kept there is damaged
        return numba.njit(signature, error_model="numpy")(loop)


def numba_there() -> bool:
    """Whether numba is installed, found out without importing it."""
    return find_spec("numba") is not None
