"""Files that anybody may have put there: read whole, or said in one line why not."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drl.errors import UserError


def require_file(path: Path) -> None:
    """UserError where `path` is no regular file, which might never end, or may not be read.

    FileNotFoundError where nothing is there.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            os.close(os.open(path, os.O_RDONLY))
            return
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: no path at all
        raise UserError(
            f"{path} cannot be read ({getattr(error, 'strerror', error)}): change its rights, or "
            "name another"
        ) from error
    kind = "a directory" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
    raise UserError(f"{path} is {kind}: expected a file")


@contextmanager
def utf8_name(directory: Path) -> Iterator[str]:
    """A name of the directory for TensorBoard, which reads no bytes that are not UTF-8."""
    name = str(directory)
    if name == name.encode(errors="replace").decode():
        yield name
        return
    with tempfile.TemporaryDirectory() as home:
        link = Path(home) / "runs"
        link.symlink_to(directory.resolve())
        yield str(link)


def read_json(path: Path, missing: str = "there is no such file") -> dict[str, Any]:
    """A JSON object.  UserError where it is missing or damaged.

    missing  what is said of a file that is not there
    """
    try:
        require_file(path)
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {missing}") from None
    except UserError:
        raise
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}): is it damaged?"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: expected a JSON object")
    return content


def write_atomic(path: Path, *content: Any) -> None:
    """Either the old file or the whole new one is there, whenever the machine stops.

    content  bytes or arrays' buffers, one after another

    OSError, also where a directory, a device or a pipe is in the way: it is not replaced.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is there, and no file")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
