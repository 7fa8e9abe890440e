"""TensorBoard's record file: length, its checksum, data, its checksum.

The checksum is CRC-32C, masked (TFRecord; RFC 3720, section 12.1).  TensorBoard's own writer takes
it byte by byte in Python, 1 ms for a small image: more than the image.  A CRC is linear over
GF(2), so here a block's is the XOR of one table entry for each of its bytes, in one array call.
"""

from __future__ import annotations

import contextlib
import struct
from functools import cache
from io import RawIOBase

import numpy as np

POLYNOMIAL = 0x82F63B78  # CRC-32C, bits reversed
BLOCK = 256  # bytes
ONES = 0xFFFFFFFF
HELD = 1 << 18  # bytes


class Records:
    """Writes whole records to a file opened in binary mode without a buffer, which it closes.

    Up to HELD bytes wait in memory, so that many events are one write.  A disk that takes only a
    part of them is cut back to the last whole record: what is written later can still be read.
    OSError where the disk refuses: what waits is kept and tried again, what is new is lost.
    """

    def __init__(self, file: RawIOBase) -> None:
        self.file = file
        self.whole = 0  # bytes in the file, of whole records
        self.waiting = bytearray()

    def write(self, data: bytes) -> None:
        """data: at least 4 bytes."""
        if len(self.waiting) >= HELD:
            self.flush()
        header = struct.pack("<Q", len(data))
        record = (header, struct.pack("<I", masked(header)), data, struct.pack("<I", masked(data)))
        self.waiting += b"".join(record)

    def flush(self) -> None:
        """All that waits goes to the operating system."""
        try:
            with memoryview(self.waiting) as rest:
                done = 0
                while done < len(rest):
                    done += self.file.write(rest[done:]) or 0  # a full disk takes a part
        except BaseException:
            with contextlib.suppress(OSError):
                self.file.truncate(self.whole)
            self.file.seek(self.whole)
            raise
        self.whole += len(self.waiting)
        self.waiting.clear()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self.file.close()


def masked(data: bytes) -> int:
    """The CRC, rotated and added to: a CRC of data that holds CRCs would be a weak one."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & ONES


def crc32c(data: bytes) -> int:
    """CRC-32C of at least 4 bytes.  ValueError for fewer."""
    if len(data) < 4:
        raise ValueError(f"a checksum of at least 4 bytes, got {len(data)}")
    table = by_position()
    padding = -len(data) % BLOCK  # zeros in front do not change a register that is zero
    padded = np.zeros(padding + len(data), np.uint8)
    padded[padding:] = np.frombuffer(data, np.uint8)
    padded[padding : padding + 4] ^= 255  # the register that starts with ones
    blocks = padded.reshape(-1, BLOCK)
    alone = np.bitwise_xor.reduce(table[np.arange(BLOCK), blocks], axis=1).tolist()
    first = table[:4].tolist() if len(alone) > 1 else []
    crc = alone[0]
    for own in alone[1:]:  # what came before is as if it stood in the block's first four bytes
        crc = (
            own ^ first[0][crc & 255] ^ first[1][crc >> 8 & 255]
            ^ first[2][crc >> 16 & 255] ^ first[3][crc >> 24]
        )  # fmt: skip
    return int(crc) ^ ONES


@cache
def by_position() -> np.ndarray:
    """[i, b]: what a byte b at position i of a block adds to the block's CRC.  (BLOCK, 256)."""
    byte = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        byte = np.where(byte & 1, byte >> 1 ^ np.uint32(POLYNOMIAL), byte >> 1)
    table = np.empty((BLOCK, 256), np.uint32)
    table[-1] = byte
    for i in range(BLOCK - 2, -1, -1):  # one more byte of zeros behind it
        table[i] = byte[table[i + 1] & 255] ^ table[i + 1] >> 8
    return table
