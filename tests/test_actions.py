"""What an agent chooses and what its environment is given: by hand, and back."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from hypothesis import given
from hypothesis import strategies as st

from drl import action_space, actions
from drl.action_space import allows, fitted, mask_size, one_by_one, random_action
from drl.actions import ActionTable, FromZero, UnitBox, Unsuited, numbered
from drl.errors import UserError

INF = np.inf


def box(low: Any, high: Any, dtype: Any = np.float32) -> Box:
    """By its bounds."""
    return Box(np.array(low, dtype), np.array(high, dtype), dtype=dtype)


# -- −1 … 1 ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("space", "chosen", "own"),
    [
        (box([-2], [2]), [-1, -0.5, 0, 0.25, 1], [-2, -1, 0, 0.5, 2]),
        (box([0], [10]), [-1, 0, 1], [0, 5, 10]),
        (box([-3], [1]), [-1, 0, 0.5, 1], [-3, -1, 0, 1]),
        (box([-2], [2]), [-1.5, 7, -INF], [-2, 2, -2]),  # clipped
        (box([-INF], [INF]), [-5, 0.25, 2**99], [-5, 0.25, 2**99]),  # as they are
        (box([-3.4028235e38], [3.4028235e38]), [-5, 7], [-5, 7]),  # a bound that is none
        (box([0], [INF]), [-1, 0.5, 9], [0, 0.5, 9]),  # clipped where there is an end
        (box([0], [3], np.int32), [-1, -0.51, -0.49, -0.01, 0.01, 0.49, 0.51, 1],
         [0, 0, 1, 1, 2, 2, 3, 3]),  # each of four in a quarter
        (box([0], [255], np.uint8), [-1, 1, 2], [0, 255, 255]),
        (box([-(2**63)], [2**63 - 1], np.int64), [-1, 0, 1], [-(2**63), 0, 2**63 - 1]),
        (box([False], [True], np.bool_), [-1, -0.1, 0.1, 1], [False, False, True, True]),
    ],
)  # fmt: skip
def test_what_is_chosen_in_the_environments_units(space: Box, chosen: list, own: list) -> None:
    unit = UnitBox(space)
    found = unit.decode(np.array(chosen, np.float32)[:, None])
    assert found.dtype == space.dtype and found[:, 0].tolist() == own
    assert all(action in space for action in one_by_one(found, space))


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64])
def test_shape_and_dtype_are_the_environments(shape: tuple[int, ...], dtype: Any) -> None:
    space = Box(0, 4, shape, dtype)
    unit = UnitBox(space)
    own = unit.decode(np.zeros((5, *shape), np.float32))
    assert own.shape == (5, *shape) and own.dtype == dtype and (own == 2).all()
    assert unit.space == Box(-1, 1, shape, np.float32)
    assert unit.encode(own).shape == (5, *shape) and (unit.encode(own) == 0).all()


@given(
    st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32),
    st.lists(st.floats(0, 1), min_size=1, max_size=9), st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_there_and_back(a: float, b: float, shares: list[float], dtype: Any) -> None:
    low, high = sorted((dtype(a), dtype(b)))
    if low == high:
        return
    unit = UnitBox(Box(low, high, (1,), dtype))
    x = np.array([low, high, *(low + share * (high - low) for share in shares)], dtype)[:, None]
    x = np.clip(x, low, high)
    chosen = unit.encode(x)
    assert (np.abs(chosen) <= 1 + 1e-12).all()
    back = unit.decode(chosen)
    assert back[0] == low and back[1] == high  # both ends exactly
    eps = 2 * np.finfo(dtype).eps * np.abs(x) + 2**-50 * (float(high) - float(low))
    assert (np.abs(back.astype(np.float64) - x) <= eps).all()


@given(st.integers(-(2**20), 2**20), st.integers(1, 2**20), st.data())
def test_whole_numbers_come_back_exactly(low: int, width: int, data: Any) -> None:
    unit = UnitBox(Box(low, low + width, (1,), np.int32))
    inner = data.draw(st.lists(st.integers(low, low + width), max_size=9))
    x = np.array([low, low + width, *inner], np.int32)[:, None]
    assert np.array_equal(unit.decode(unit.encode(x)), x)


def test_bounds_of_either_kind_side_by_side() -> None:
    space = box([-2, -INF, 0, -1], [2, INF, INF, 3])
    unit = UnitBox(space)
    assert unit.bounded.tolist() == [True, False, False, True]
    assert unit.space == box([-1, -INF, 0, -1], [1, INF, INF, 1])
    chosen = np.array([[0.5, 70, -4, -0.5], [9, -9, 9, 9]], np.float32)
    assert unit.decode(chosen).tolist() == [[1, 70, 0, 0], [2, -9, 9, 3]]
    assert "those that are not bounded as they are" in unit.words()
    assert "not bounded: chosen as they are" in UnitBox(box([-INF], [INF])).words()
    assert UnitBox(box([-2], [2])).words() == "Box(-2 … 2, (1,), float32), chosen within −1 … 1"


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (box([0, 0.5], [1, 0.5]), r"number 1 of Box.* actions is always 0.5 \(low is high\)"),
        (box([[0, 1], [2, 3]], [[1, 2], [2, 4]], np.int64), r"number 1, 0 of .* always 2"),
        (box(1.5, 1.5), r"number 0 of Box\(1.5 … 1.5, \(\), float32\) actions is always 1.5"),
    ],
)
def test_a_number_that_cannot_be_chosen_is_named(space: Box, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        UnitBox(space)
    assert "\n" not in str(error.value)


# -- by number ------------------------------------------------------------------------------------
TABLES = [
    (MultiDiscrete([2, 3]), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]], None),
    (MultiDiscrete([2, 2], start=[5, -1]), [[5, -1], [5, 0], [6, -1], [6, 0]], None),
    (MultiDiscrete([[2], [2]]), [[[0], [0]], [[0], [1]], [[1], [0]], [[1], [1]]], None),
    (MultiDiscrete([2, 1], np.int32), [[0, 0], [1, 0]], None),
    (MultiBinary(2), [[0, 0], [0, 1], [1, 0], [1, 1]], None),
    (box([-2], [2]), [[-2], [-1], [0], [1], [2]], 5),
    (box([-1, 0], [1, 10]), [[-1, 0], [-1, 10], [1, 0], [1, 10]], 2),
    (box(0, 1, np.float64), [0, 0.5, 1], 3),
    (box([0, 0], [1, 9], np.int16), [[0, 0], [0, 4], [0, 9], [1, 0], [1, 4], [1, 9]], 3),
    (box([0, 3], [1, 3]), [[0, 3], [0.5, 3], [1, 3]], 3),
]  # fmt: skip


@pytest.mark.parametrize(("space", "rows", "discretise"), TABLES)
def test_every_combination_by_its_number(space: Any, rows: list, discretise: int | None) -> None:
    table = numbered(space, discretise)
    assert isinstance(table, ActionTable) and table.n == len(rows)
    assert table.space == Discrete(table.n)
    assert table.table.tolist() == rows and table.table.dtype == space.dtype
    assert all(action in space for action in one_by_one(table.table, space))
    numbers = np.arange(table.n)[::-1].copy()
    own = table.decode(numbers)
    assert own.shape == (table.n, *space.shape) and own.tolist() == rows[::-1]
    assert table.encode(own).tolist() == numbers.tolist()
    assert table.decode(np.array(1)).tolist() == rows[1]  # one number gives one action
    again = ActionTable(space, values=[row.tolist() for row in table.values])
    assert again.table.tobytes() == table.table.tobytes()  # as a file keeps it


def test_ends_are_bounds_to_the_bit() -> None:
    low, high = np.array([0.1, -0.3], np.float32), np.array([0.7, 0.9], np.float32)
    table = ActionTable(Box(low, high), 7)
    assert table.table[0].tobytes() == low.tobytes() and table.table[-1].tobytes() == high.tobytes()


def test_discrete_is_counted_from_0() -> None:
    plain, shifted = numbered(Discrete(3)), numbered(Discrete(3, start=-5))
    assert isinstance(plain, FromZero) and isinstance(shifted, FromZero)
    numbers = np.array([0, 2, 1])
    assert plain.decode(numbers).tolist() == [0, 2, 1] and plain.decode(numbers).dtype == np.int64
    assert shifted.decode(numbers).tolist() == [-5, -3, -4]
    assert shifted.encode(shifted.decode(numbers)).tolist() == [0, 2, 1]
    assert numbered(Discrete(2, dtype=np.int32)).decode(numbers).dtype == np.int32
    assert numbered(Discrete(10**9)).n == 10**9  # without a table


@pytest.mark.parametrize(
    ("space", "discretise", "said"),
    [
        (box([-1], [1]), None, r"Box\(-1 … 1, \(1,\), float32\) actions are no finite set"),
        (box([0], [INF]), 5, "actions have no ends for `discretise=5`"),
        (box([-3.4028235e38], [1]), 5, "actions have no ends"),
        (Box(-1, 1, (17,)), 5, "are 762,939,453,125 by `discretise=5`, 4,096 at most"),
        (Box(-1, 1, (6,)), 5, r"are 15,625 by .* \(`discretise=4` would do\)"),
        (MultiDiscrete([100] * 3), None, "are 1,000,000, 4,096 at most go into a table"),
        (MultiBinary(13), None, "are 8,192"),
        (Dict(a=Discrete(2)), None, "no finite set"),
    ],
)
def test_what_has_no_table(space: Any, discretise: int | None, said: str) -> None:
    with pytest.raises(Unsuited, match=said) as error:
        numbered(space, discretise)
    assert "\n" not in str(error.value)


def test_the_largest_table() -> None:
    assert numbered(Box(-1, 1, (6,)), 4).n == actions.MOST == numbered(MultiBinary(12)).n


def test_what_has_nothing_to_discretise_is_said() -> None:
    with pytest.raises(UserError, match="`discretise=5` is for Box actions, found Discrete"):
        numbered(Discrete(2), 5)


def test_an_action_that_is_not_in_the_table() -> None:
    table = ActionTable(box([-2], [2]), 5)
    for other in (0.5, 3, -9, np.nan):
        with pytest.raises(ValueError, match="none of the 5"):
            table.encode(np.array([[1.0], [other]], np.float32))


def test_a_table_in_words() -> None:
    assert ActionTable(box([-1], [1]), 3).words() == (
        "Box(-1 … 1, (1,), float32) as 3: [-1.0], [0.0], [1.0]"
    )
    assert ActionTable(MultiDiscrete([9, 9])).words().endswith("[1, 2], …")
    assert numbered(Discrete(3, start=1)).words() == ""


# -- masks ----------------------------------------------------------------------------------------
def test_masks_number_by_number() -> None:
    space = MultiDiscrete([2, 3])
    assert mask_size(space) == 5 and mask_size(MultiBinary((2, 2))) == 8
    assert mask_size(Discrete(4)) == 4 and mask_size(box([0], [1])) is None
    mask = np.array([[1, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 1]], bool)
    assert allows(mask, space).tolist() == [True, True, False, False]
    flat = ActionTable(space).mask(mask)
    assert flat.astype(int).tolist() == [
        [0, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0],
    ]  # fmt: skip
    assert allows(np.array([[False, True], [False, False]]), Discrete(2)).tolist() == [True, False]


@pytest.mark.parametrize(
    "space",
    [
        Discrete(5, start=2),
        MultiDiscrete([2, 3, 4]),
        MultiDiscrete([[2, 3], [3, 2]], start=[[1, 2], [3, 4]]),
        MultiBinary(4),
        MultiBinary((2, 2)),
    ],
)
def test_random_actions_keep_to_masks(space: Any) -> None:
    """And reach all that is allowed: the table's own list is the reference."""
    rng, size = np.random.default_rng(1), mask_size(space)
    assert size is not None
    while True:
        mask = rng.random((1, size)) < 0.6
        if allows(mask, space).all():
            break
    table = numbered(space)
    allowed = set(np.flatnonzero(table.mask(mask)[0]).tolist())
    space.seed(3)
    drawn = np.array([random_action(space, mask[0]) for _ in range(60 * len(allowed))])
    assert set(table.encode(drawn).tolist()) == allowed
    assert random_action(space) in space


# -- the environment's own ------------------------------------------------------------------------
def test_actions_one_by_one() -> None:
    (a, b) = one_by_one(np.array([3, 4]), Discrete(9))
    assert type(a) is int and (a, b) == (3, 4)
    both = np.arange(12, dtype=np.float64).reshape(2, 2, 3)
    rows = one_by_one(both, Box(0, 99, (2, 3), np.float64))
    assert rows[1].dtype == np.float64 and rows[1].tolist() == [[6, 7, 8], [9, 10, 11]]
    both[:] = 0
    assert rows[1][0, 0] == 6  # the environment may keep it


def test_what_does_not_fit_the_space_is_the_agents_mistake() -> None:
    space = Box(-1, 1, (2,), np.float64)
    assert fitted(np.zeros((3, 2), np.float32), space, 3).dtype == np.float64
    assert fitted(np.zeros((3, 2), np.int64), MultiBinary(2), 3).dtype == np.int8
    right = np.zeros((3, 2))
    assert fitted(right, space, 3) is right
    with pytest.raises(UserError, match=r"of shape \(3,\), 3 environments with Box.*\(3, 2\)"):
        fitted(np.zeros(3), space, 3)
    with pytest.raises(UserError, match="actions of float64, environments with Multi.* int64"):
        fitted(np.zeros((3, 2)), MultiDiscrete([2, 2]), 3)


@pytest.mark.parametrize("space", [Dict(a=Discrete(2)), Tuple([Discrete(2)])])
def test_a_space_that_is_none_of_the_kinds(space: Any) -> None:
    with pytest.raises(UserError, match="has .* actions: expected Discrete, MultiDiscrete"):
        action_space.kind_of_actions(space)
