"""The checksum of a record is TensorBoard's; a disk that takes a part of one leaves it whole."""

import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drl.log.tensorboard.records import HELD, Records, masked


@pytest.mark.parametrize("size", [4, 8, 255, 256, 257, 511, 512, 513, 5_000])
def test_checksums_are_those_of_tensorboard(size: int) -> None:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    data = np.random.default_rng(size).bytes(size)
    assert masked(data) == masked_crc32c(data)
    assert masked(bytes(size)) == masked_crc32c(bytes(size))


def test_one_bit_changes_the_checksum() -> None:
    data = bytearray(np.random.default_rng(0).bytes(600))
    whole = masked(bytes(data))
    for at in (0, 255, 256, 599):
        data[at] ^= 1
        assert masked(bytes(data)) != whole
        data[at] ^= 1
    with pytest.raises(ValueError, match="at least 4"):
        masked(b"abc")


class Disk(io.FileIO):
    """Takes `size` bytes in all, a part of a write where it must."""

    size = 0

    def write(self, data: Any) -> int:
        room = self.size - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(data[:room])
        assert taken is not None
        return taken


def records_in(path: Path) -> list[bytes]:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    return list(RawEventFileLoader(str(path)).Load())


@pytest.mark.parametrize("size", [8, 1000, 3 * HELD])
def test_a_full_disk_cuts_no_record(size: int, tmp_path: Path) -> None:
    """The file is whole while the disk is full, and what follows is read, however large."""
    disk = Disk(tmp_path / "r", "wb")
    records, data = Records(disk), [bytes([k]) * size for k in range(6)]
    disk.size = 2 * (size + 16) + size // 2  # two records in their frames, and a part of the third
    kept = data[:2]
    for part in kept:
        records.write(part)
        records.flush()
    lost = 0
    for part in (data[2], *[data[3]] * 200):
        try:
            records.write(part)
            records.flush()
        except OSError:
            lost += 1
        assert len(records.waiting) < HELD + size + 99  # memory stays bounded
    assert lost == 201 and records_in(tmp_path / "r") == kept
    disk.size = 10**9
    records.write(data[4])
    records.write(data[5])
    records.close()
    found = records_in(tmp_path / "r")
    assert found[:3] == data[:3] and found[-2:] == data[4:]


def test_close_says_that_the_disk_is_full_and_closes(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "r", "wb")
    records = Records(disk)
    records.write(b"data")
    with pytest.raises(OSError, match="No space"):
        records.close()
    assert disk.closed
