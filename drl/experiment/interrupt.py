"""Ctrl-C, termination and a closing terminal as a question, answered between two steps."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

ENDING = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):  # none on Windows
    ENDING.append(signal.SIGHUP)  # the terminal closes


AGAIN = 1.0  # seconds


class Interrupted(KeyboardInterrupt):
    """What was being done can be done again, and was left at a signal."""


class Interrupt:
    """While open, SIGINT, SIGTERM and SIGHUP set `asked`; a second SIGINT stops at once, also where
    the first, less than a second before, ended another run: it ends a loop of trainings.

    A run stopped in the middle of an update has no state worth saving, so the loop ends itself.
    What changes nothing (an evaluation, a video) need not be waited for: see `at_once`.  A signal
    that was ignored stays ignored (nohup, a shell's background jobs); in another thread than the
    main one there are no signals.
    """

    last = -math.inf  # when a SIGINT came, to whichever of them

    def __init__(self) -> None:
        self.asked = False
        self._at_once = False
        self._before: dict[int, Any] = {}

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A body that can be thrown away: a signal ends it by Interrupted, one that came before
        too.  It also ends what waits or never comes back to our loop, e.g. an env's step."""
        self._at_once = True
        try:
            if self.asked:
                raise Interrupted
            yield
        finally:
            self._at_once = False

    def __enter__(self) -> Self:
        self._before = handled(self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if number == signal.SIGINT:
            now, last = time.monotonic(), self.last
            Interrupt.last = now
            if again or now - last < AGAIN:
                raise KeyboardInterrupt
        if self._at_once:
            self._at_once = False  # once: what follows cleans up
            raise Interrupted


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the body as Ctrl-C does, by KeyboardInterrupt: environments are
    closed, half-written files and processes of its own do not stay behind."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = handled(stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def handled(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Let it handle what ends a process, unless that was ignored; what handled it before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    unset = (signal.SIG_IGN, None)  # None: set by C code, which Python could not give back
    heard = [number for number in ENDING if signal.getsignal(number) not in unset]
    return {number: signal.signal(number, handler) for number in heard}
