"""One writer for a directory, by a lock that ends with its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
from functools import cache
from pathlib import Path

from drl.errors import UserError

# what flock says where the file system has no locks: Lustre, some of NFS
UNKNOWN = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


class Lock:
    """Held from its making until `release`.   UserError where another process holds it; OSError
    where the directory cannot be written to.

    Where the file system knows no locks nothing is held, which is said once.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / ".lock"
        file, self.made = _opened(self.path)
        self._file: int | None = file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise UserError(
                f"another process is writing to {directory}: wait for it, or stop it"
            ) from None
        except OSError as error:
            self.release()
            self.remove()
            if error.errno not in UNKNOWN:
                raise
            _say_unlocked(error.strerror)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)  # which unlocks
            self._file = None

    def remove(self) -> None:
        """Its file, where it was not there before."""
        if self.made:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _opened(path: Path) -> tuple[int, bool]:
    """The file, and whether it is a new one."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), True
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644), False


@cache
def _say_unlocked(reason: str) -> None:
    print(
        f"drl: warning: the file system knows no locks ({reason}): see to it that no two processes "
        "write to one run",
        file=sys.stderr,
        flush=True,
    )
