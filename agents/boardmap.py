"""V(s) and the greedy action on a board of states, as an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.board import Board, Mark
from drl.images import BLACK, canvas, low_to_high
from drl.numbers import score

CELL = 48  # pixels
MARGIN, TITLE = 8, 26
NAMES = 24  # beside a row of names, or above
SHUT = (222, 222, 222)  # of cells in which nothing is to be chosen
WHITE = (255, 255, 255)


def board_picture(board: Board, value: np.ndarray | None, actions: np.ndarray) -> np.ndarray:
    """An arrow or letter in each cell, on yellow where V is high, with V below it.

    value    (R·C,) V of the board's observations; None: nobody knows
    actions  (R·C,) greedy ones, counted from 0
    """
    rows, columns = board.letters.shape
    left = MARGIN + (NAMES if board.rows else 0) + (NAMES if board.down else 0)
    top = TITLE + (NAMES if board.columns else 0)
    below = MARGIN + (NAMES if board.across else 0)
    width, height = left + columns * CELL + MARGIN, top + rows * CELL + below
    image, draw, font = canvas(max(width, 220), height)
    what = "greedy action" if value is None else "V(s) and greedy action"
    title = f"{what}, {board.name}" if board.name else what
    draw.text((left, TITLE / 2), title, BLACK, font(12), anchor="lm")
    colours = _colours(board, value)
    largest = 0.0 if value is None else float(abs(value[board.letters.ravel() == ""]).max())
    for i in range(rows):
        for j in range(columns):
            corner = left + j * CELL, top + i * CELL
            letter, n = str(board.letters[i, j]), i * columns + j
            fill = SHUT if letter else tuple(colours[i, j].tolist())
            box = (*corner, corner[0] + CELL, corner[1] + CELL)
            draw.rectangle(box, fill=fill, outline=WHITE)
            ink = BLACK if letter or sum(fill) > 330 else WHITE
            middle = corner[0] + CELL / 2, corner[1] + CELL / 2 - (0 if letter else 6)
            if letter:
                draw.text(middle, letter, ink, font(18), anchor="mm")
                continue
            _mark(draw, font, middle, board.marks[int(actions[n])], ink)
            if value is not None:
                under = corner[0] + CELL / 2, corner[1] + CELL - 9
                text = score(float(value[n]), largest)
                draw.text(under, text, ink, font(10), anchor="mm")
    _names(image, draw, font, board, left, top)
    return np.asarray(image)


def _colours(board: Board, value: np.ndarray | None) -> np.ndarray:
    """(R, C, 3); the scale is that of the cells in which something is to be chosen."""
    if value is None:
        return np.full((*board.letters.shape, 3), 255, np.uint8)
    v = value.reshape(board.letters.shape)
    counted = v[board.letters == ""]
    return low_to_high(v, float(counted.min()), float(counted.max())).astype(np.uint8)


def _mark(draw: Any, font: Any, at: tuple[float, float], mark: Mark, ink: Any) -> None:
    """A letter, or an arrow one step long."""
    x, y = at
    if isinstance(mark, str):
        draw.text(at, mark, ink, font(18), anchor="mm")
        return
    down, right = mark
    reach, head = 11, 6
    tip = x + reach * right, y + reach * down
    back = tip[0] - head * right, tip[1] - head * down
    draw.line((x - reach * right, y - reach * down, *back), ink, 2)
    aside = head * down * 0.7, head * right * 0.7
    wings = (back[0] + aside[0], back[1] + aside[1]), (back[0] - aside[0], back[1] - aside[1])
    draw.polygon((tip, *wings), fill=ink)


def _names(image: Any, draw: Any, font: Any, board: Board, left: int, top: int) -> None:
    """Of the rows and columns, and what they are."""
    rows, columns = board.letters.shape
    for i, name in enumerate(board.rows):
        draw.text((left - 6, top + (i + 0.5) * CELL), name, BLACK, font(11), anchor="rm")
    for j, name in enumerate(board.columns):
        draw.text((left + (j + 0.5) * CELL, top - 9), name, BLACK, font(11), anchor="mm")
    below = top + rows * CELL + NAMES / 2 + 2
    draw.text((left + columns * CELL / 2, below), board.across, BLACK, font(11), anchor="mm")
    if board.down:
        sideways, ink, _ = canvas(rows * CELL, 16)
        ink.text((rows * CELL / 2, 8), board.down, BLACK, font(11), anchor="mm")
        image.paste(sideways.rotate(90, expand=True), (2, top))
