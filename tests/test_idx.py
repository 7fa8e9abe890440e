"""IDX files: what is right is read exactly, all else is one line, within bounded memory."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_checkpoint import mutate

from drl.errors import UserError
from drl.supervised import idx

GRID = np.arange(6, dtype=np.uint8).reshape(2, 3)
BYTES = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5])


def put(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refused(path, *words):
    """The UserError of reading `path`: one line, naming the file and saying `words`."""
    with pytest.raises(UserError) as caught:
        idx.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_the_format_by_hand(tmp_path, pack):
    values = idx.read(put(tmp_path, pack(BYTES)))
    assert values.dtype == np.uint8 and values.flags.writeable
    np.testing.assert_array_equal(values, GRID)


def test_big_endian_values_become_native(tmp_path):
    content = bytes([0, 0, 0x0C, 1, 0, 0, 0, 2]) + struct.pack(">ii", -2, 70_000)
    values = idx.read(put(tmp_path, content))
    assert values.dtype == np.int32 and values.dtype.isnative
    assert values.tolist() == [-2, 70_000]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(
        st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
        hnp.array_shapes(max_dims=4, max_side=4),
    ),
    st.sampled_from(["plain", "packed.gz"]),
)
def test_what_is_written_is_read(tmp_path, array, name):
    idx.write(tmp_path / name, array)
    back = idx.read(tmp_path / name)
    assert back.dtype == array.dtype and back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b"\0\0")


def test_write_refuses_what_the_format_lacks(tmp_path):
    with pytest.raises(UserError, match="int64"):
        idx.write(tmp_path / "file", np.arange(3))
    assert not (tmp_path / "file").exists()


def test_sha256_is_of_the_unpacked_file(tmp_path):
    import hashlib

    assert idx.sha256(GRID) == hashlib.sha256(BYTES).hexdigest()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no IDX file"),
        (b"<html>not found</html>", "no IDX file"),
        (b"\0\0\x08", "no IDX file"),
        (b"\0\0\x07\x01\0\0\0\x01\0", "unknown IDX type 0x07"),
        (b"\0\0\x08\x00", "0 dimensions"),
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"\0", "255 dimensions"),
        (b"\0\0\x08\x02\0\0\0\x02\0\0", "truncated in its header"),
        (b"\0\0\x08\x02\0\0\0\x00\0\0\0\x03", "empty"),
        (BYTES[:-1], "truncated: 2×3 values need 6 bytes, the file has 5"),
        (BYTES[:12], "truncated: 2×3 values need 6 bytes, the file has 0"),
        (BYTES + b"\0", "longer than its header"),
    ],
)
def test_wrong_content(tmp_path, pack, content, words):
    refused(put(tmp_path, pack(content)), words)


def test_no_file_and_no_regular_file(tmp_path):
    refused(tmp_path / "absent", "no such file")
    refused(tmp_path, "no such file")


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(BYTES)
    refused(put(tmp_path, packed[:-12]), "damaged gzip")  # cut in the middle
    refused(put(tmp_path, packed[:-8] + b"\0\0\0\0" + packed[-4:]), "damaged gzip", "CRC")
    refused(put(tmp_path, packed[:2] + b"\xff" * 20), "damaged gzip")


def peak(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("sides", [(2**32 - 1,) * 8, (1000, 1000, 1000), (60_000, 28, 28)])
def test_a_header_alone_allocates_nothing(tmp_path, pack, sides):
    header = bytes([0, 0, 8, len(sides)]) + b"".join(struct.pack(">I", n) for n in sides)
    path = put(tmp_path, pack(header + b"\0" * 100))
    assert peak(lambda: refused(path)) < 4 * 2**20


def test_a_gzip_bomb_stays_packed(tmp_path):
    zeros = b"\0" * (100 * 2**20)
    bomb = put(tmp_path, gzip.compress(BYTES + zeros, 1))
    assert peak(lambda: refused(bomb, "longer than its header")) < 4 * 2**20
    honest = bytes([0, 0, 8, 1]) + struct.pack(">I", 2**30 + 1)
    bomb = put(tmp_path, gzip.compress(honest + zeros, 1))
    assert peak(lambda: refused(bomb, "not read")) < 4 * 2**20


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_read_or_refused(tmp_path, data):
    """Bytes of a right file changed, cut, put in: an array as large as it says, or UserError."""
    content = bytearray(data.draw(st.sampled_from([BYTES, gzip.compress(BYTES, mtime=0)])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = put(tmp_path, bytes(content))
    try:
        values = idx.read(path)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert values.nbytes <= len(content) * 1100  # the most that gzip can pack


@pytest.mark.slow
def test_a_hundred_thousand_damaged_files(tmp_path):
    """The same without hypothesis, which takes longer to draw an example than idx to read it."""
    rng, refused = np.random.default_rng(0), 0
    for n in range(100_000):
        content = mutate((BYTES, gzip.compress(BYTES, mtime=0))[n % 2], rng)
        path = put(tmp_path, content)
        try:
            assert idx.read(path).nbytes <= len(content) * 1100
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 50_000
