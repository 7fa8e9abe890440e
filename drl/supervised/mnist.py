"""MNIST's four files: where they are, that they are the right ones, and where to get them."""

from __future__ import annotations

import http.client
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drl.errors import UserError
from drl.supervised import idx

if TYPE_CHECKING:
    from drl.display.terminal import Progress

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# Of the unpacked files: the same however, and by whom, they were compressed.
SHA256 = {
    "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LARGEST = 64 * 2**20  # bytes of one download; MNIST's largest has 10 MB
TIMEOUT = 20.0  # seconds without a byte


def locate(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """The directory that holds the four files: of `data_dir`, $DRL_DATA and the user's cache the
    first that is set, or `mnist` in it.  What is missing is downloaded there.

    UserError if files are missing and cannot be had: which, and where to put them.
    """
    base = Path(data_dir or os.environ.get("DRL_DATA") or _cache()).expanduser()
    for directory in (base, base / "mnist"):
        if any(_find(directory, name) for name in FILES.values()):
            break
    missing = [name for name in FILES.values() if not _find(directory, name)]
    if missing:
        _download(directory, missing)
    return directory


def read(directory: Path) -> dict[str, np.ndarray]:
    """The arrays of the four files by key of FILES.  UserError if one is not MNIST's."""
    arrays = read_like(directory)
    for key, array in arrays.items():
        if idx.sha256(array) != SHA256[key]:
            raise UserError(
                f"{_find(directory, FILES[key])}: not MNIST's file (SHA-256 differs); delete it to "
                f"download it again, or use it as own data with `data={directory}`"
            )
    return arrays


def read_like(directory: Path) -> dict[str, np.ndarray]:
    """The arrays of four files named like MNIST's.  UserError if one is missing or damaged."""
    arrays = {}
    for key, name in FILES.items():
        path = _find(directory, name)
        if path is None:
            names = ", ".join(FILES.values())
            raise UserError(f"{directory}: no {name}[.gz]; expected four IDX files: {names}")
        arrays[key] = idx.read(path)
    return arrays


def _find(directory: Path, name: str) -> Path | None:
    """The file as it may be called: plain or gzipped, some mirrors write .idx for -idx."""
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (directory / stem, directory / f"{stem}.gz"):
            if path.is_file():
                return path
    return None


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "drl"


def _download(directory: Path, names: list[str]) -> None:
    """Fetch `names` into `directory` from the first mirror that has the right bytes."""
    from drl.display.terminal import BarColumn, DownloadColumn, Field, TransferSpeedColumn, progress

    columns = Field("file"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with progress(*columns) as bar:
        for name in names:
            for mirror in MIRRORS:
                try:
                    _fetch(mirror, directory, name, bar)
                    break
                except (OSError, http.client.HTTPException, UserError) as error:
                    reason = " ".join(str(error).split()) or type(error).__name__
            else:
                wanted = ", ".join(f"{name}.gz" for name in names)
                raise UserError(
                    f"MNIST is not in {directory} and cannot be downloaded there ({reason}); "
                    f"put {wanted} there (plain or gzipped), or say where with `data_dir`"
                )


def _fetch(mirror: str, directory: Path, name: str, bar: Progress) -> None:
    """One file: beside its place, checked, then renamed into it.  Nothing half is ever there."""
    with urllib.request.urlopen(f"{mirror}{name}.gz", timeout=TIMEOUT) as reply:
        directory.mkdir(parents=True, exist_ok=True)
        size = int(reply.headers.get("Content-Length") or 0)
        task = bar.add_task("", total=size or None, file=name)
        handle, part = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=directory)
        try:
            with os.fdopen(handle, "wb") as file:
                while chunk := reply.read(2**16):
                    if file.tell() + len(chunk) > LARGEST:
                        raise UserError(f"{mirror}{name}.gz: larger than {LARGEST:,} bytes")
                    file.write(chunk)
                    bar.update(task, advance=len(chunk))
                file.flush()
                os.fsync(file.fileno())
            key = next(key for key, value in FILES.items() if value == name)
            if idx.sha256(idx.read(part)) != SHA256[key]:
                raise UserError(f"{mirror}{name}.gz: wrong content (SHA-256 differs)")
            os.chmod(part, 0o644)
            os.replace(part, directory / f"{name}.gz")
        finally:
            Path(part).unlink(missing_ok=True)
