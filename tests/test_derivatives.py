"""The table of derivatives says what the source says, to the letter, and leaves no layer out."""

import re
from pathlib import Path

import pytest

from drl.bench import oracle

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "gradients.md").read_text(encoding="utf-8")
WHERE = re.compile(r"`((?:agents|drl)/[\w/]+\.py)`: `(\w+)`")
BARE = {"Flatten", "Slice"}  # dy in another shape or place, no arithmetic


def rows(page: str) -> list[list[str]]:
    """The cells of each row of each table, heads and rules left out."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    found = [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]
    return [row for row in found if row[1] != "equation" and set(row[0]) != {"-"}]


def faults(row: list[str]) -> list[str]:
    """What is in the row and not in the source that it names."""
    name, equation, derivative, where = row
    place = WHERE.fullmatch(where)
    if place is None or not (ROOT / place[1]).exists():
        return [f"no source: {where}"]
    source = " ".join((ROOT / place[1]).read_text(encoding="utf-8").split())
    quoted = re.findall(r"`([^`]+)`", equation + derivative)
    found = [text for text in quoted if text not in source]
    if not re.search(rf"\b(class|def) {place[2]}\b", source):
        found.append(place[2])
    return found


@pytest.mark.parametrize("row", rows(PAGE), ids=lambda row: row[0][:40])
def test_each_row_is_in_the_source(row: list[str]) -> None:
    assert not faults(row)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (1, "`y = xW − b`"),
        (2, "`∂L/∂W = dyᵀ x`"),
        (3, "`drl/nn/layers.py`: `Nothing`"),
        (3, "`drl/nn/nowhere.py`: `Linear`"),
    ],
)
def test_that_test_can_fail(column: int, text: str) -> None:
    (linear,) = (row for row in rows(PAGE) if row[0] == "linear")
    assert faults([*linear[:column], text, *linear[column + 1 :]])


def test_no_layer_and_no_loss_is_left_out() -> None:
    checked = {*oracle.LAYERS, *oracle.LOSSES}
    ours = {kind.__name__ for kind in checked if kind.__module__.startswith("drl.nn")}
    assert ours - BARE <= {WHERE.fullmatch(row[3])[2] for row in rows(PAGE)}
