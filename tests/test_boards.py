"""Boards of states: they are the environments', and pictures show what was learnt on them."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from trained import read

from agents.boardmap import CELL, MARGIN, SHUT, TITLE, board_picture
from drl import train
from drl.board import Board
from drl.images import SCALE
from envs import source
from envs.boards import boards_of

LAKE = np.array([["", "", "", ""], ["", "H", "", "H"], ["", "", "", "H"], ["H", "", "", "G"]])


@pytest.mark.parametrize(
    ("env_id", "shape"),
    [("FrozenLake-v1", (4, 4)), ("FrozenLake8x8-v1", (8, 8)), ("CliffWalking-v1", (4, 12))],
)
def test_the_board_is_the_environments(env_id: str, shape: tuple[int, int]) -> None:
    """Each action leads where its arrow points, unless there is a wall or the cliff."""
    if env_id not in gym.registry:
        pytest.skip("an older Gymnasium has an older version of it")
    env: Any = gym.make(env_id, is_slippery=False)
    (board,) = boards_of(env)
    assert board.letters.shape == shape and board.observations.tolist() == list(
        range(shape[0] * shape[1])
    )
    for s in np.flatnonzero(board.letters.ravel() == ""):
        row, column = divmod(int(s), shape[1])
        for action, (down, right) in enumerate(board.marks):  # type: ignore[misc]
            (_, s_next, _, over) = env.unwrapped.P[s][action][0]
            to = (
                int(np.clip(row + down, 0, shape[0] - 1)),  # type: ignore[call-overload]
                int(np.clip(column + right, 0, shape[1] - 1)),  # type: ignore[call-overload]
            )
            if board.letters[to] == "C":  # back to the start
                to = (3, 0)
            assert divmod(s_next, shape[1]) == to and over == (board.letters[to] in ("H", "G"))


def test_the_lake_may_be_another() -> None:
    assert (boards_of(gym.make("FrozenLake-v1"))[0].letters == LAKE).all()
    (board,) = boards_of(gym.make("FrozenLake-v1", desc=["SFH", "FFG"]))
    assert board.letters.tolist() == [["", "", "H"], ["", "", "G"]]
    assert boards_of(gym.make("CartPole-v1")) == () == boards_of(object())
    other = gym.wrappers.FlattenObservation(gym.make("FrozenLake-v1"))  # one-hot by itself
    assert boards_of(other) == ()


def test_blackjack_has_one_with_an_ace_and_one_without() -> None:
    env = source("Blackjack-v1")(num_envs=1, seed=0)
    with_ace, without = env.boards  # type: ignore[attr-defined]
    assert [b.name for b in (with_ace, without)] == ["with a usable ace", "without a usable ace"]
    totals, cards, aces = with_ace.observations
    assert (totals[0], cards[0], aces[0]) == (21, 1, 1) and (totals[-1], cards[-1]) == (12, 10)
    assert with_ace.rows[0] == "21" and with_ace.columns[0] == "A" and with_ace.marks == ("S", "H")
    assert not without.observations[2].any()


def cell(image: np.ndarray, row: int, column: int) -> np.ndarray:
    """The picture of a cell, without its frame."""
    top, left = TITLE + row * CELL + 1, MARGIN + column * CELL + 1
    return image[top : top + CELL - 2, left : left + CELL - 2]


def test_cells_have_the_colour_of_their_value_and_the_arrow_of_their_action() -> None:
    board = Board("", np.arange(16), LAKE, ((0, -1), (1, 0), (0, 1), (-1, 0)))
    value = np.linspace(0, 1, 16)
    value[5] = 99  # of a hole: it does not count
    image = board_picture(board, value, np.array([2] * 15 + [0]))
    assert cell(image, 1, 1)[2, 2].tolist() == list(SHUT)
    assert cell(image, 0, 0)[2, 2].tolist() == SCALE[0].tolist()
    assert cell(image, 3, 2)[2, 2].tolist() == SCALE[-1].tolist()

    def arrow(action: int) -> np.ndarray:
        drawn = board_picture(board, None, np.full(16, action))  # black on white
        return (cell(drawn, 0, 0)[6:-6, 6:-6].sum(axis=-1) < 400).astype(int)

    left, down, right, up = map(arrow, range(4))
    across, along = np.arange(left.shape[1]), np.arange(left.shape[0])
    for one, other, places, axis in ((left, right, across, 0), (up, down, along, 1)):
        heavy = [(mark.sum(axis=axis) * places).sum() / mark.sum() for mark in (one, other)]
        assert heavy[0] < heavy[1] - 2  # the head of an arrow is its heavier end


def test_a_run_shows_its_boards(tmp_path: Path) -> None:
    run = tmp_path / "run"
    short: dict[str, Any] = {"steps": 256, "num_envs": 4, "eval_every": 128, "eval_episodes": 2,
                             "learning_starts": 50, "batch_size": 8, "hidden": (8,)}  # fmt: skip
    train("dqn", "Blackjack-v1", run=run, progress=False, **short)
    events = read(run)
    tags = [tag for tag in events.Tags()["images"] if tag.startswith("policy/board")]
    assert sorted(tags) == ["policy/board with a usable ace", "policy/board without a usable ace"]
    assert [e.step for e in events.Images(tags[0])] == [0, 128, 256]
