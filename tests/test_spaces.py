"""Spaces in files: what comes back is what was kept, exactly."""

import json
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple
from hypothesis import given
from hypothesis import strategies as st

from drl.errors import UserError
from drl.spaces import from_json, same, to_json, words

SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)
FLOATS = {np.float16: 16, np.float32: 32, np.float64: 64}


@st.composite
def boxes(draw: Any) -> Box:
    shape: tuple[int, ...] = draw(SHAPES)
    dtype = draw(st.sampled_from([*FLOATS, np.uint8, np.int32, np.int64, np.bool_]))
    if dtype in FLOATS:
        number = st.floats(allow_nan=False, width=FLOATS[dtype])
    elif dtype is np.bool_:
        number = st.integers(0, 1)
    else:
        info = np.iinfo(dtype)
        number = st.integers(int(info.min), int(info.max))
    count = int(np.prod(shape))
    one = draw(st.booleans())
    bounds = [
        np.array(draw(st.lists(number, min_size=count, max_size=count)) if not one
                 else [draw(number)] * count, dtype).reshape(shape)
        for _ in range(2)
    ]  # fmt: skip
    low, high = np.asarray(np.minimum(*bounds)), np.asarray(np.maximum(*bounds))
    if dtype in FLOATS:  # an upper bound of −∞, a lower one of ∞: Gymnasium refuses them
        low, high = np.where(low == np.inf, 0, low), np.where(high == -np.inf, 0, high)
        low, high = np.minimum(low, high), np.maximum(low, high)
    return Box(np.asarray(low, dtype), np.asarray(high, dtype), shape, dtype)


DISCRETE = st.builds(Discrete, st.integers(1, 100), start=st.integers(-50, 50))
MULTI = st.lists(st.tuples(st.integers(1, 9), st.integers(-9, 9)), min_size=1, max_size=4).map(
    lambda pairs: MultiDiscrete([n for n, _ in pairs], start=[s for _, s in pairs])
)
BINARY = st.one_of(
    st.integers(1, 9).map(MultiBinary),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(MultiBinary),
)
TEXT = st.builds(
    lambda a, b, c: Text(max(a, b, 1), min_length=min(a, b), charset=c),
    st.integers(0, 9), st.integers(0, 9), st.text(min_size=1, max_size=5),
)  # fmt: skip
SPACES = st.recursive(
    boxes() | DISCRETE | MULTI | BINARY | TEXT,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(Tuple)
        | st.dictionaries(st.text(max_size=4), inner, min_size=1, max_size=3).map(Dict)
    ),
    max_leaves=5,
)


@given(SPACES)
def test_what_was_kept_comes_back(space: Any) -> None:
    plain = to_json(space)
    text = json.dumps(plain, allow_nan=False)
    back = from_json(json.loads(text))
    assert back == space and type(back) is type(space) and same(back, space)
    assert to_json(back) == plain and back.dtype == space.dtype
    assert len(words(back).splitlines()) == 1


@given(SPACES, SPACES)
def test_same_is_equality(a: Any, b: Any) -> None:
    """Gymnasium calls Boxes equal whose bounds differ by 1e-8; `same` does not."""
    equal = a == b and a.dtype == b.dtype
    assert equal or not same(a, b)
    assert same(a, b) or not equal or "Box" in words(a)


def test_bounds_that_are_nearly_the_same_are_two() -> None:
    a, b = Tuple([Box(0, 1, (2,), np.float64)]), Tuple([Box(0, 1 + 1e-9, (2,), np.float64)])
    assert a == b and not same(a, b) and same(a, Tuple([Box(0, 1, (2,), np.float64)]))


def test_bounds_are_exact() -> None:
    """float32's 0.1, which is no double's 0.1, and infinities."""
    low, high = (np.array(bounds, np.float32) for bounds in ([-np.inf, 0.1], [0.3, np.inf]))
    space = Box(low, high, (2,), np.float32)
    plain = to_json(space)
    assert plain["low"] == ["-inf", 0.10000000149011612]
    back = from_json(plain)
    assert back.low.tobytes() == space.low.tobytes() and back.high.tobytes() == space.high.tobytes()
    assert to_json(Box(0, 255, (84, 84, 4), np.uint8)) == {
        "kind": "Box", "low": 0, "high": 255, "shape": [84, 84, 4], "dtype": "uint8"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Discrete(3), Discrete(4)),
        (Discrete(3), Discrete(3, start=1)),
        (Box(0, 1, (2,)), Box(0, 2, (2,))),
        (Box(0, 1, (2,), np.float32), Box(0, 1, (2,), np.float64)),
        (Box(0, 1, (2,)), Box(0, 1, (2, 1))),
        (Dict(a=Discrete(2)), Dict(b=Discrete(2))),
        (MultiBinary(2), MultiDiscrete([2, 2])),
    ],
)
def test_others_are_not_the_same(a: Any, b: Any) -> None:
    assert not same(a, b) and same(a, a) and same(b, b)


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (Discrete(4), "Discrete(4)"),
        (Discrete(4, start=1), "Discrete(4 from 1)"),
        (Box(-1, 1, (3,), np.float32), "Box(-1 … 1, (3,), float32)"),
        (Box(-np.inf, np.inf, (3,), np.float32), "Box(-inf … inf, (3,), float32)"),
        (
            Box(np.zeros(2, np.float32), np.arange(1, 3, dtype=np.float32)),
            "Box(0 … [1, 2], (2,), float32)",
        ),
        (
            Box(np.array([[-0.5], [-np.inf]]), np.array([[0.5], [2]]), dtype=np.float64),
            "Box([-0.5, -inf] … [0.5, 2], (2, 1), float64)",
        ),
        (Box(np.arange(-5.0, 0.0), 1, dtype=np.float64), "Box(… … 1, (5,), float64)"),
        (Dict(a=Discrete(2), b=MultiBinary(3)), "Dict(a: Discrete(2), b: MultiBinary(3,))"),
        (Tuple([MultiDiscrete([2, 3])]), "Tuple(MultiDiscrete([2, 3]))"),
        (spaces.Sequence(Discrete(2)), "gymnasium's Sequence"),
    ],
)
def test_in_words(space: Any, text: str) -> None:
    assert words(space) == text


@pytest.mark.parametrize(
    "space", [spaces.Sequence(Discrete(2)), Tuple([spaces.Sequence(Discrete(2))]), 3, None]
)
def test_what_cannot_be_kept_is_named(space: Any) -> None:
    with pytest.raises(UserError, match="cannot be kept in a file"):
        to_json(space)


BOX = {"kind": "Box", "low": 0, "high": 1, "shape": [2], "dtype": "float32"}
DEEP: Any = {"kind": "Discrete", "n": 2, "start": 0}
for _ in range(30):
    DEEP = {"kind": "Tuple", "spaces": [DEEP]}


@pytest.mark.parametrize(
    "plain",
    [
        None, 3, [], {}, {"kind": "Sequence"}, {"kind": "Box"}, DEEP,
        BOX | {"low": "NaN"}, BOX | {"low": None}, BOX | {"low": float("nan")},
        BOX | {"low": [0, 0, 0]}, BOX | {"low": 2}, BOX | {"low": True, "dtype": "uint8"},
        BOX | {"shape": [-1]}, BOX | {"shape": [2**20, 2**20]}, BOX | {"shape": 2},
        BOX | {"dtype": "object"}, BOX | {"dtype": "no"}, BOX | {"dtype": "uint8", "high": 256},
        {"kind": "Discrete", "n": 0, "start": 0}, {"kind": "Discrete", "n": 2.0, "start": 0},
        {"kind": "Discrete", "n": 2**70, "start": 0}, {"kind": "Discrete", "n": 2},
        {"kind": "MultiDiscrete", "nvec": [0], "start": [0], "dtype": "int64"},
        {"kind": "Dict", "spaces": {"a": BOX}}, {"kind": "Tuple", "spaces": [3]},
        {"kind": "Text", "max_length": 0, "min_length": 0, "characters": "a"},
    ],
)  # fmt: skip
def test_what_is_no_space_is_refused(plain: Any) -> None:
    with pytest.raises(UserError):
        from_json(plain)
