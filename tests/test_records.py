"""The checksum of a record is TensorBoard's."""

import numpy as np
import pytest

from drl.records import masked


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
