"""A clock around somebody else's code: what takes too long is interrupted."""

from __future__ import annotations

import math
import signal
import threading
import time
from typing import Any, Self

AGAIN = 1.0  # s: who swallows the interruption hears it again


class Hang(BaseException):
    """Raised in code that takes too long.  No Exception: `except Exception` does not hold it."""


class Alarm:
    """While open, a call between `start` and `stop` has `seconds`; then Hang is raised in it.

    By SIGALRM, so: in the main thread, and not on Windows; elsewhere there is no clock.  Python
    code and waiting are interrupted; a loop inside C code only when it comes back to Python.  A
    timer and a handler that were there before are put back, the timer with what is left of it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = self.allowed = seconds
        self.due = math.inf  # of the call under way, on time.monotonic()
        self.rang = False  # in the call under way
        self.set = False

    def start(self, seconds: float | None = None) -> None:
        """A call begins; it may take longer than others, if so many seconds are given."""
        self.rang = False
        self.allowed = self.seconds if seconds is None else seconds
        self.due = time.monotonic() + self.allowed

    def stop(self) -> None:
        """It has answered.  Hang where it was interrupted and answers all the same."""
        self.due = math.inf
        if self.rang:
            self.rang = False
            raise Hang(self._words())

    def __enter__(self) -> Self:
        if (
            not hasattr(signal, "SIGALRM")
            or threading.current_thread() is not threading.main_thread()
            or signal.getsignal(signal.SIGALRM) is None  # a handler that Python cannot put back
        ):
            return self
        self.set = True
        self.entered = time.monotonic()
        # theirs is stopped first: it must not ring at our handler
        self.left, self.interval = signal.setitimer(signal.ITIMER_REAL, 0)
        self.before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        return self

    def __exit__(self, *exc: object) -> None:
        if not self.set:
            return
        self.due, self.set = math.inf, False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)
        if self.left:
            left = self.left - (time.monotonic() - self.entered)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), self.interval)

    def _ring(self, *_: Any) -> None:
        """One timer for all calls while we are open: it asks whose time it is.

        Python may be told of a ring after `__exit__` has stopped the timer: set again then, it
        would ring at nobody, which ends the process.
        """
        if not self.set:
            return
        left = self.due - time.monotonic()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, min(left, self.seconds))
            return
        self.rang = True
        signal.setitimer(signal.ITIMER_REAL, min(self.seconds, AGAIN))
        raise Hang(self._words())

    def _words(self) -> str:
        return f"no answer for {self.allowed:g} s"
