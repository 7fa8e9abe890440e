"""Standard input, output and error that never stop a program, and text that is safe on a terminal.

A closed stream, a reader that has gone, a full disk and a character that the encoding lacks cost
what was to be read, never the work behind it.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

GONE = (errno.EPIPE, errno.EBADF)  # nobody wants to read: no loss
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# C0 and C1 but for newline and tab; what turns the direction of text, and further line ends
CONTROL = {
    code: ascii(chr(code))[1:-1]
    for code in (
        *(set(range(0x20)) - {0x09, 0x0A}), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F,
        *range(0x2028, 0x202F), *range(0x2066, 0x206A),
    )
}  # fmt: skip
PLAIN = {
    "−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "…": "...", "→": "->", "≤": "<=",
    "≥": ">=", "±": "+-", "’": "'", "‘": "'", "“": '"', "”": '"',
}  # fmt: skip


def printable(text: str) -> str:
    """Text from anywhere as it may reach a terminal: colours are left out, any other control
    character is shown by its code (ESC as \\x1b)."""
    return COLOUR.sub("", text).translate(CONTROL)


def one_line(text: str) -> str:
    """Printable text whose line ends have become single spaces."""
    return printable(re.sub(r"\s*\n\s*", " ", text.strip()))


@contextmanager
def safe_streams() -> Iterator[Callable[[], OSError | None]]:
    """While open, `sys.stdout` and `sys.stderr` take any text and never raise.

    Closed ones lead to the null device, standard input too, so that no file of ours gets their
    number.  Streams that a caller has put in place of the interpreter's own are left as they are.

    Yields a function: the error by which standard output lost text; None if it lost none, or only
    because nobody wants to read it.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    if sys.stdout is sys.__stdout__:
        sys.stdout = _safe(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _safe(sys.stderr, 2)
    ours = sys.stdout

    def lost() -> OSError | None:
        ours.flush()
        error = ours.raw.error if isinstance(ours, _Text) else None
        return None if error is None or error.errno in GONE else error

    try:
        yield lost
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def unfiltered(stream: TextIO) -> Any:
    """A safe stream as rich writes to it, whose colours and cursor movements shall pass."""
    return _Unfiltered(stream) if isinstance(stream, _Text) else stream


class Above(io.TextIOBase):
    """Whole lines, given to what shows them in place of the stream `below`."""

    def __init__(self, show: Callable[[str], None], below: TextIO) -> None:
        self.show, self.below, self.line = show, below, ""

    def write(self, text: str) -> int:
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self.show(line)
        return len(text)

    def isatty(self) -> bool:
        return self.below.isatty()

    def fileno(self) -> int:
        return self.below.fileno()

    def close(self) -> None:
        """The rest of a line that has not ended."""
        if self.line:
            self.write("\n")


def below(stream: Any) -> Any:
    """The stream itself, under what shows its lines."""
    return stream.below if isinstance(stream, Above) else stream


class _Raw(io.FileIO):
    """A file descriptor that takes everything; what the system refuses is dropped."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.error: OSError | None = None  # the first

    def write(self, data: Any) -> int:
        try:
            while (count := super().write(data)) is None:  # non-blocking, and full
                import select

                select.select([], [self], [])
            return count
        except OSError as error:
            self.error = self.error or error
            return memoryview(data).nbytes


class _Text(io.TextIOWrapper):
    """Printable text to a descriptor, line by line: a forked process finds nothing unwritten."""

    def __init__(self, number: int, encoding: str) -> None:
        self.raw = _Raw(number)
        buffer = io.BufferedWriter(self.raw)
        super().__init__(buffer, encoding, errors="drl.plain", line_buffering=True)

    def write(self, text: str) -> int:
        super().write(printable(text))
        return len(text)

    def write_unfiltered(self, text: str) -> int:
        return super().write(text)


class _Unfiltered:
    def __init__(self, stream: _Text) -> None:
        self.stream, self.write = stream, stream.write_unfiltered

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _safe(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:  # was closed when the interpreter started
        return _Text(number, "utf-8")
    try:
        stream.flush()
        return _Text(stream.fileno(), stream.encoding)
    except OSError:  # no descriptor behind it
        return stream


def _open_closed() -> None:
    """The null device in the place of each closed standard descriptor, child processes' too."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Of characters that an encoding lacks: a plainer form, or a question mark each."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return "".join(map(_plain, text)), error.end


def _plain(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]  # é → e, ² → 2
    return PLAIN.get(character) or (base if base.isascii() else "?")


codecs.register_error("drl.plain", _plainly)
