"""Runs side by side: a process for each, as many at a time as there are cores.

The processes are forked after the imports, so that a run begins in milliseconds.  It computes what
it would alone: all that is random in it comes from its own seed, and it has one thread.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from drl.display.console import Console
from drl.display.runs_table import RunsTable, runs_table
from drl.display.streams import below, one_line
from drl.errors import UserError
from drl.experiment.interrupt import Interrupt
from drl.experiment.run import Run
from drl.extras import installed

# what a run imports on its way: once here instead of once in each process
ON_THE_WAY = (
    "PIL.Image", "drl.log.tensorboard.hparams", "safetensors", "tensorboard.compat.proto.event_pb2",
)  # fmt: skip

GoOn = Callable[[Run, Console], dict[str, Any]]  # to the run's end; its summary


class Moved(NamedTuple):
    done: int
    total: int
    unit: str
    status: str


class Warned(NamedTuple):
    text: str
    of_all: str = ""  # what it is about, where it is true of all runs alike


class Ended(NamedTuple):
    summary: dict[str, Any]


class Failed(NamedTuple):
    reason: str


class Member(NamedTuple):
    path: Path
    process: BaseProcess


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def advance(
    paths: Sequence[Path], go_on: GoOn, console: Console, workers: int, forked: bool = True,
    modules: Sequence[str] = (),
) -> dict[Path, str]:  # fmt: skip
    """Go on with each run to its end; give those that failed, with the reason.

    go_on    what is done with a run that is open for writing; a module's function, or a partial of
             one, where processes are not forked
    workers  processes at a time
    forked   False: each process starts anew, as CUDA needs it
    modules  that go_on imports on its way

    One that fails does not take the others.  An interrupt starts no more and ends the running ones
    with a checkpoint each; a second one ends at once.
    """
    context: Any = multiprocessing.get_context("fork" if forked else "spawn")
    for name in (*ON_THE_WAY, *modules):
        if installed(name.partition(".")[0]):
            importlib.import_module(name)
    waiting, running = deque(paths), dict[Connection, Member]()
    failed: dict[Path, str] = {}
    with Interrupt() as interrupt, runs_table(console, len(paths)) as table:
        try:
            while running or (waiting and not interrupt.asked):
                while waiting and len(running) < workers and not interrupt.asked:
                    receiver, member = _start(context, waiting.popleft(), go_on)
                    running[receiver] = member
                    table.start(member.path)
                for ready in wait(list(running), timeout=0.2):
                    assert isinstance(ready, Connection)
                    path, process = running[ready]
                    reason = _hear(ready, path, process, table, console)
                    if reason is None:
                        continue
                    process.join()
                    del running[ready]
                    if reason:
                        failed[path] = reason
                if interrupt.asked:
                    for _, process in running.values():
                        process.terminate()  # again and again: it may not listen yet
                table.refresh()
        finally:
            for _, process in running.values():
                process.kill()
    return failed


def _start(context: Any, path: Path, go_on: GoOn) -> tuple[Connection, Member]:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(path, go_on, sender))
    process.start()
    sender.close()  # the process alone holds it: with its end comes the end of the pipe
    return receiver, Member(path, process)


def _hear(
    receiver: Connection, path: Path, process: BaseProcess, table: RunsTable, console: Console
) -> str | None:
    """One message of a run.  None: it goes on; "": it has ended; else: why it has failed."""
    try:
        message = receiver.recv()
    except EOFError:
        process.join()
        message = Failed(f"its process ended without a word (exit code {process.exitcode})")
    match message:
        case Moved():
            table.update(path, *message)
        case Warned(text, of_all) if of_all:
            console.warn_once(of_all, text)
        case Warned():
            table.warn(path, message.text)
        case Ended():
            table.end(path, message.summary)
            return ""
        case Failed():
            table.fail(path, message.reason)
            return message.reason
    return None


# -- in the process of a run ------------------------------------------------------------------
def _run(path: Path, go_on: GoOn, out: Connection) -> None:
    os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which passes it on
    sys.stdout, sys.stderr = below(sys.stdout), below(sys.stderr)  # the table is the parent's
    # until the run listens: the parent says it again, also where it ignores the signal itself
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    result: Ended | Failed
    try:
        with Run.open(path, write=True) as run:
            result = Ended(go_on(run, Remote(out)))
    except UserError as error:
        result = Failed(one_line(str(error)))
    except Exception:  # a fault of ours, or of an environment: all that is known of it
        result = Failed(traceback.format_exc())
    out.send(result)


class Remote(Console):
    """A run's console in its own process: what is to be seen goes to the one that shows all."""

    def __init__(self, out: Connection) -> None:
        super().__init__(quiet=True)
        self.out = out

    def warn(self, text: str) -> None:
        self.out.send(Warned(text))

    def warn_once(self, about: str, text: str) -> None:
        self.out.send(Warned(text, about))

    @contextmanager
    def progress(self, unit: str, total: int) -> Iterator[_Sender]:
        yield _Sender(self.out, unit, total)


class _Sender:
    def __init__(self, out: Connection, unit: str, total: int) -> None:
        self.out, self.unit, self.total, self.parent = out, unit, total, os.getppid()

    def update(self, done: int, status: str) -> None:
        if os.getppid() != self.parent:  # it was killed: end with a checkpoint, as if asked to
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self.out.send(Moved(done, self.total, self.unit, status))
