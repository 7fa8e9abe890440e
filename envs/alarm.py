"""A clock around somebody else's code: what takes too long is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def alarm(seconds: float) -> Iterator[Callable[[], None]]:
    """TimeoutError in the body after so long; what it yields starts the clock again.

    By SIGALRM, so: in the main thread, and not on Windows; elsewhere there is no clock.  Python
    code and waiting are interrupted; a loop inside C code only when it comes back to Python.
    """
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def ring(*_: Any) -> None:
        raise TimeoutError(f"no answer for {seconds:g} s")

    def start() -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.signal(signal.SIGALRM, ring)
    start()
    try:
        yield start
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
