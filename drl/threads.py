"""One thread while small networks compute, and as many as before after it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_asked = any(variable in os.environ for variable in VARIABLES)  # the user has said how many

Number = tuple[Callable[[int], object], int]  # sets a library's number of threads, what it was

_lock = threading.Lock()
_before: dict[str, Number] = {}  # of each library, when the first of the bodies began
_bodies = 0  # of all threads
_own = threading.local()  # `depth`: of the calling thread


def of_this_process() -> None:
    """The libraries that are loaded from now on, and child processes, start with one thread."""
    for variable in VARIABLES:
        os.environ.setdefault(variable, "1")


@contextmanager
def one_thread() -> Iterator[None]:
    """The body's matrix products run on one thread each, numpy's and torch's.

    A second thread costs more than it helps up to some hundred neurons a layer, and several
    processes that each take all cores wait for one another.  Whoever has set OMP_NUM_THREADS or
    its like keeps that number.

    Bodies may be inside each other, and in several threads at once.  The numbers are of the whole
    process, but what one thread has lowered OpenBLAS lets no other raise: so each thread gives back
    what was before all of them, and a training beside it goes on with that.
    """
    depth = getattr(_own, "depth", 0)
    if _asked or depth:
        yield
        return
    _begin()
    _own.depth = 1
    try:
        yield
    finally:
        _own.depth = 0
        _end()


def _begin() -> None:
    global _bodies
    with _lock:
        _bodies += 1
        for name, (set_threads, number) in _numbers().items():
            _before.setdefault(name, (set_threads, number))
            set_threads(1)


def _end() -> None:
    global _bodies
    with _lock:
        _bodies -= 1
        for set_threads, number in _before.values():
            set_threads(number)
        if _bodies == 0:
            _before.clear()


def _numbers() -> dict[str, Number]:
    """Of the libraries that are loaded."""
    from threadpoolctl import ThreadpoolController  # which `drl --help` need not load

    blas = ThreadpoolController().select(user_api="blas").lib_controllers
    found: dict[str, Number] = {
        lib.filepath: (lib.set_num_threads, lib.num_threads) for lib in blas
    }
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.set_num_threads, torch.get_num_threads()
    return found
