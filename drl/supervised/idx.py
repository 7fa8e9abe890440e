"""IDX, the format of the MNIST files: big-endian, a magic number, the sizes, then the values.

    0, 0, type code, number of dimensions D        4 bytes
    size of each dimension                         D × 4 bytes, unsigned
    the values, last dimension fastest

http://yann.lecun.com/exdb/mnist, "The IDX file format".  Files come from anywhere, so nothing is
believed before it is seen: a header never makes us allocate, only bytes that really arrive do.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from drl.errors import UserError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CODES = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}
MOST_DIMENSIONS = 8
MOST_BYTES = 2**30  # of values, unpacked: MNIST has 47 MB, a gzip bomb as much as it likes
CHUNK = 2**20


def read(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzipped (told apart by content, not by name).

    Native byte order, writable.  UserError naming the file if it cannot be read, is no IDX file,
    is shorter or longer than its header says, or holds more than 1 GiB.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected an IDX file")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _read(path, unpacked, None)
            return _read(path, file, os.fstat(file.fileno()).st_size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path}: damaged gzip file ({_one_line(error)}); get the file again"
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or _one_line(error)}") from error


def write(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """`array` as an IDX file, gzipped if the name ends in .gz (the same bytes at any time).

    UserError if the format has no such dtype.
    """
    path = Path(path)
    data = _header(array) + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def sha256(array: np.ndarray) -> str:
    """SHA-256 of the unpacked IDX file that holds `array`, however it was packed before."""
    digest = hashlib.sha256(_header(array))
    big_endian = array.astype(array.dtype.newbyteorder(">"), copy=False)
    digest.update(np.ascontiguousarray(big_endian).data)
    return digest.hexdigest()


def _header(array: np.ndarray) -> bytes:
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= MOST_DIMENSIONS:
        raise UserError(f"IDX holds no {array.ndim}-dimensional arrays of {array.dtype}")
    return bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, size: int | None) -> np.ndarray:
    """The array in `file`; `size` is the file's length in bytes, None if only reading will tell."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise UserError(
            f"{path}: no IDX file: it starts with {magic.hex(' ') or 'nothing'}, "
            "expected 00 00, a type and a number of dimensions"
        )
    code, dimensions = magic[2], magic[3]
    if code not in TYPES:
        raise UserError(
            f"{path}: unknown IDX type 0x{code:02x}; expected one of "
            + ", ".join(f"0x{c:02x}" for c in TYPES)
        )
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise UserError(f"{path}: {dimensions} dimensions; expected 1 to {MOST_DIMENSIONS}")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise UserError(f"{path}: truncated in its header; get the file again")
    shape = tuple(int(n) for n in np.frombuffer(header, ">u4"))
    if 0 in shape:
        raise UserError(f"{path}: empty: its header says {_times(shape)} values")

    dtype = np.dtype(TYPES[code])
    length = math.prod(shape) * dtype.itemsize
    there = None if size is None else size - 4 - len(header)
    if there is not None and there != length:
        raise UserError(f"{path}: {_misfit(shape, length, f'{there:,}', there < length)}")
    if length > MOST_BYTES:
        raise UserError(
            f"{path}: its header says {_times(shape)}, {length:,} bytes; "
            f"files above {MOST_BYTES:,} bytes are not read"
        )
    data = bytearray()
    while len(data) < length and (chunk := file.read(min(CHUNK, length - len(data)))):
        data += chunk
    if len(data) < length:
        raise UserError(f"{path}: {_misfit(shape, length, f'{len(data):,}', True)}")
    if file.read(1):  # for gzip also what makes it check its own checksum
        raise UserError(f"{path}: {_misfit(shape, length, 'more', False)}")
    values = np.frombuffer(data, dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _misfit(shape: tuple[int, ...], length: int, found: str, short: bool) -> str:
    what = "truncated" if short else "longer than its header"
    return (
        f"{what}: {_times(shape)} values need {length:,} bytes, the file has {found}; "
        "get the file again"
    )


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())
