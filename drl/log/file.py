"""A text file that grows line by line, and costs no training where the disk is full."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from drl.files import write_atomic
from drl.log.logger import Logger


class File(Logger):
    """Writes to `path`; buffered until `flush`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def begin(self, text: str) -> None:
        """The file holds this text, whole or not at all, and is open for more."""
        with self.refused(str(self.path)):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path, text.encode())
            if self._file is not None:
                self._file.close()
            self._file = open(self.path, "a", encoding="utf-8", newline="")  # noqa: SIM115

    def append(self, text: str) -> None:
        if self._file is not None:
            with self.refused(str(self.path)):
                self._file.write(text)

    def flush(self) -> None:
        if self._file is not None:
            with self.refused(str(self.path)):
                self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            with self.refused(str(self.path)):
                self._file.close()
            self._file = None


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that were written to their end; none where there is no file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines(keepends=True) if text.endswith("\n") else text.splitlines(True)[:-1]
