"""A process that steps some of the environments, as its parent sees it."""

from __future__ import annotations

import builtins
import math
import multiprocessing
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker, util
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, NoReturn

from drl.errors import EnvFailed, EnvWarning, NoPictures, NotRepeated, UserError
from envs.guarded import MAKE_SECONDS
from envs.shared import Shared
from envs.worker import ENDING, About, Make, serve

LOOK = 1.0  # s between two looks whether a process that does not answer is alive
GRACE = 5.0  # s to end for one that was left in the middle of something, before it is killed
OURS = {kind.__name__: kind for kind in (EnvFailed, EnvWarning, NoPictures, NotRepeated, UserError)}


class Died(Exception):
    """The process has ended by itself: why, in words."""


class Process:
    """Environments first … first + count − 1 in a process of their own.

    make    makes them there
    method  "spawn", or "fork", where nothing can name them
    """

    def __init__(self, make: Make, method: str, first: int, count: int, seed: int) -> None:
        self.make, self.method, self.first, self.count = make, method, first, count
        self.seed, self.rows = seed, slice(first, first + count)
        self.shared: Shared | None = None
        self.started = 0  # processes, one after the other
        self.asked = self.answered = 0  # numbers of the newest
        self.start()

    def start(self) -> None:
        """It begins; `about` waits for its environments."""
        context: Any = multiprocessing.get_context(self.method)
        self.pipe, theirs = context.Pipe()
        forked = self.method == "fork"
        given = (
            theirs, self.make, self.first, self.count, self.seed, self.started,
            self.pipe if forked else None,
        )  # fmt: skip
        self.process: BaseProcess = context.Process(target=serve, args=given)
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning), _deaf():
            if forked:  # Python warns of a fork beside threads; the child uses none of theirs
                self.process.start()
            else:
                with _without_main():
                    self.process.start()
        theirs.close()  # with the process comes the end of the pipe
        self.started += 1
        self.ended = util.Finalize(self, _end, (self.pipe, self.process), exitpriority=10)
        self.asked = self.answered = 0
        self.ask("made")

    def about(self) -> About:
        """Its environments: once, when it has begun.   Died, EnvFailed, UserError"""
        about: About = self.answer(_no_number)
        if self.shared is None:
            self.shared = Shared(self.count, about.encoder.space, about.action_space)
        self.ask("memory")
        with suppress(OSError):  # its end shows in the answer
            self.shared.send(self.pipe, self.process.pid or 0)
        self.answer(_no_number)
        return about

    def ask(self, name: str, *given: Any) -> None:
        """Say what is to be done."""
        self.asked += 1
        with suppress(OSError):  # its end shows in the answer
            self.pipe.send(("do", self.asked, name, given))

    def answer(self, failed: Callable[[str, str], int], patience: float = math.inf) -> Any:
        """What has come of it; answers to earlier questions, which nobody has waited for, are left.

        failed    what is done where an environment has failed, by what is said of it and its
                  traceback: how many have by now
        patience  seconds until it is killed; an environment that is restarted has its own

        Died, also where there was no answer in time; what was raised there.
        """
        while True:
            kind, number, *rest = self._heard(patience)
            if number != self.asked:
                continue
            if kind == "failed":
                patience += MAKE_SECONDS
                count = failed(*rest)
                with suppress(OSError):
                    self.pipe.send(count)
                continue
            self.answered = number
            value, told = rest
            for category, text, trace in told:
                warning = _class(category, Warning, UserWarning)(text)
                warning.trace = trace
                warnings.warn(warning, stacklevel=4)
            if kind == "done":
                return value
            name, text, trace = value
            error = _class(name, Exception, RuntimeError)(text)
            error.trace = trace
            raise error

    def _heard(self, patience: float) -> Any:
        left = patience  # counted in looks: while we are stopped (Ctrl-Z), so is it
        try:
            while not self.pipe.poll(look := min(LOOK, left)):
                left -= look
                if not self.process.is_alive() and not self.pipe.poll():
                    raise EOFError
                if left <= 0:
                    self.process.kill()
                    self.ended()
                    raise Died(f"no answer for {patience:g} s")
            return self._message()
        except (EOFError, OSError) as error:
            raise Died(self._why()) from error

    def _message(self) -> Any:
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            raise
        except BaseException:  # Ctrl-C in the middle of it: what is left of it would be noise
            self.process.kill()
            raise

    def _why(self) -> str:
        self.process.join(GRACE)
        code = self.process.exitcode
        self.ended()
        if code is None:
            return "its pipe broke"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def leave(self, seconds: float) -> None:
        """It is to close its environments within so many seconds, and to end; where it was left in
        the middle of something, within GRACE."""
        if self.ended.still_active():
            left_alone = self.asked == self.answered
            self.until = time.monotonic() + (seconds if left_alone else GRACE)
            self.ask("close")

    def close(self) -> None:
        """Once `leave` was said: wait for that, or kill it."""
        if not self.ended.still_active():
            return
        try:
            with suppress(Died, EnvFailed):
                self.answer(_no_number, max(self.until - time.monotonic(), 0))
        finally:
            self.ended()
            if self.shared is not None:
                self.shared.close()


def _end(pipe: Connection, process: BaseProcess) -> None:
    """Asked to; then by force."""
    with suppress(OSError, ValueError):
        pipe.send(("do", 0, "close", ()))
    pipe.close()
    process.join(GRACE)
    if process.is_alive():
        process.kill()
        process.join()


def _no_number(text: str, trace: str) -> NoReturn:
    error = EnvFailed(f"{text}: mend the env")
    error.trace = trace
    raise error


def _class(name: str, kind: type[Any], default: type[Any]) -> type[Any]:
    """An exception or a warning of ours or of Python's, by name."""
    found = OURS.get(name) or getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, kind) else default


@contextmanager
def _deaf() -> Iterator[None]:
    """A process that begins hears none of the signals that end this one, until `serve` has said
    what it does with them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would hear them again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """A process that is spawned would run the user's script again, for names in it; ours need none
    of them."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
