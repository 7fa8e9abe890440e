"""What goes in comes out; what is damaged is refused in one line; nothing is half written."""

import contextlib
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from trained import assert_same

from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.checkpoint import VERSION

ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements={"allow_nan": False},
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
# "__metadata__" is the file's own entry, and refused (below); hypothesis reads it in our code
NAMES = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1).filter(
    lambda name: name != "__metadata__"
)
STATES = st.dictionaries(
    NAMES,
    st.recursive(
        PLAIN | ARRAYS | st.lists(PLAIN, max_size=3),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
IN_ONE_DIRECTORY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100
)
STATE = {
    "net": np.arange(6, dtype=np.float32).reshape(2, 3),
    "rng": np.random.default_rng(0).bit_generator.state,
    "deep": {"er": {"x": np.zeros((0, 3)), "n": 3, "why": "é", "none": None}},
}


@given(state=STATES)
@IN_ONE_DIRECTORY
def test_round_trip(state: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, state)
    assert_same(checkpoint.load(path), state)


def test_generators_go_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rng.random(3)
    checkpoint.save(tmp_path / "c", {"rng": rng.bit_generator.state})
    other = np.random.default_rng(0)
    other.bit_generator.state = checkpoint.load(tmp_path / "c")["rng"]
    assert np.array_equal(rng.random(9), other.random(9))


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut, doubled or put in."""
    data = bytearray(content)
    kind = rng.integers(4)
    at, span = int(rng.integers(len(data))), int(rng.integers(1, 9))
    if kind == 0:
        data[at : at + span] = rng.bytes(span)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + span]
    else:
        data[at:at] = rng.bytes(span)
    return bytes(data)


def fuzz(directory: Path, count: int) -> None:
    path = directory / "c.safetensors"
    checkpoint.save(path, STATE)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(count):
        path.write_bytes(mutate(whole, rng))
        try:
            assert_same(checkpoint.load(path), STATE)  # the right state, or none
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > count / 2


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    fuzz(tmp_path, 1_000)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_files_are_refused(tmp_path: Path) -> None:
    fuzz(tmp_path, 100_000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"version": 99, "state": {"dict": {}}}, "newer drl-toolkit"),
        ({"version": VERSION - 1, "state": {"dict": {}}}, "older drl-toolkit"),
        ({"version": str(VERSION), "state": {"dict": {}}}, "damaged"),
        (
            {"version": VERSION, "state": {"array": "nowhere", "dtype": "float64", "shape": []}},
            "damaged",
        ),
        ({"version": VERSION, "state": {"array": "x", "dtype": "int64", "shape": [2]}}, "damaged"),
        (
            {"version": VERSION, "state": {"array": "x", "dtype": "float64", "shape": [3]}},
            "damaged",
        ),
        (
            {"version": VERSION, "state": {"array": "x", "dtype": "float64", "shape": [2]}},
            "damaged",
        ),
        ({"version": VERSION, "state": {"value": 3}}, "damaged"),
        ({"version": VERSION, "state": [1]}, "damaged"),
        ({"version": VERSION, "state": {"dict": 4}}, "damaged"),
        ([], "damaged"),
        (None, "damaged"),
    ],
)
def test_hostile_metadata(content: Any, words: str, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    arrays = {"x": np.zeros(2)}
    if isinstance(content, dict):  # the checksum is right: what is hostile is behind it
        content["crc32"] = checkpoint._checksum(content["state"], arrays)
    save_file(arrays, tmp_path / "c", {"drl": json.dumps(content)})
    with pytest.raises(UserError, match=words):
        checkpoint.load(tmp_path / "c")


@pytest.mark.parametrize("claim", ["array", "header"])
def test_a_file_that_claims_a_terabyte_allocates_nothing(claim: str, tmp_path: Path) -> None:
    path, tera = tmp_path / "c.safetensors", 2**40
    entry = {"dtype": "U8", "shape": [tera], "data_offsets": [0, tera]}
    header = json.dumps({"x": entry, "__metadata__": {"drl": "{}"}}).encode()
    length = tera if claim == "header" else len(header)
    path.write_bytes(length.to_bytes(8, "little") + header + bytes(64))
    with contextlib.suppress(UserError):
        checkpoint.load(path)  # imports, before memory is counted
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="damaged"):
            checkpoint.load(path)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_foreign_and_missing_files(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(2)}, tmp_path / "foreign")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "directory").mkdir()
    for name in ("foreign", "empty", "directory", "missing"):
        with pytest.raises(UserError):
            checkpoint.load(tmp_path / name)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    checkpoint.save(path, {"n": 1})

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, {"n": 2})
    monkeypatch.undo()
    assert checkpoint.load(path) == {"n": 1}
    assert os.listdir(tmp_path) == ["c"]


@pytest.mark.parametrize(
    "state",
    [
        {"object": object()},
        {"tuple": (1, 2)},  # would come back as a list
        {"in": {"list": [1, (2,)]}},
        {"a/b": np.zeros(2), "a": {"b": np.ones(2)}},  # two arrays of one name
        {"": 1},
        {1: 2},  # would come back as "1"
        {"__metadata__": np.zeros(2)},
        {"complex": np.zeros(2, complex)},
        {"words": np.array(["a"])},
    ],
)
def test_what_would_not_come_back_is_refused_at_once(state: dict[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "c", state)
    assert os.listdir(tmp_path) == []


def test_no_bit_may_flip(tmp_path: Path) -> None:
    """Every single bit of a file: the right state, or refused.  Never a wrong number."""
    path, state = tmp_path / "c", {"w": np.array([1.5, -2.0], np.float32), "n": 7}
    checkpoint.save(path, state)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert_same(checkpoint.load(path), state)
        except UserError as error:
            assert "\n" not in str(error)


def test_arrays_are_writable_and_own_their_memory(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.save(path, {"x": np.arange(4.0), "strided": np.arange(8.0)[::2].astype(">f8")})
    loaded = checkpoint.load(path)
    loaded["x"] += 1.0
    assert checkpoint.load(path)["x"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert loaded["strided"].tolist() == [0.0, 2.0, 4.0, 6.0]
