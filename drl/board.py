"""States that lie on a board: what is needed to make a picture of them, and of what was learnt."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Mark = str | tuple[int, int]  # a letter, or a step: rows down, columns to the right


class Board(NamedTuple):
    """R rows and C columns of states.

    name          what tells it from other boards of the environment; "" where there is but one
    observations  R·C of them, row by row, as a policy takes a batch (drl.encoding)
    letters       (R, C) what is written in a cell where nothing is to be chosen; "" elsewhere
    marks         how each action is drawn, counted from 0
    rows, columns names beside them; () none
    across, down  what the columns and the rows are; "" where it is plain
    """

    name: str
    observations: Any
    letters: np.ndarray
    marks: tuple[Mark, ...]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    across: str = ""
    down: str = ""
