"""The list of deviations from papers names files that are there, and what is in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "deviations.md").read_text(encoding="utf-8")
HEAD = ["the paper", "here, and why", "where"]
NAMED = re.compile(r"`((?:agents|drl|envs)/[\w/]+\.py)`: (`\w+`(?:, `\w+`)*)")


def rows(page: str) -> list[list[str]]:
    """The cells of each row of each table, heads and rules left out."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row != HEAD and set(row[0]) != {"-"}]


def faults(row: list[str]) -> list[str]:
    """What is wrong with a row; nothing where it has a paper, and names what is there."""
    if len(row) != 3:
        return [f"{len(row)} cells"]
    paper, _, where = row
    found = [] if re.search(r"\b(19|20)\d\d\b|Gymnasium", paper) else ["no paper"]
    if NAMED.sub("", where).strip("; "):
        found.append(f"not understood: {where}")
    for path, names in NAMED.findall(where):
        if not (ROOT / path).exists():
            found.append(f"no file {path}")
            continue
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"\w+", names):
            if not re.search(rf"\b{name}\b", source):
                found.append(f"no {name} in {path}")
    return found


@pytest.mark.parametrize("row", rows(PAGE), ids=lambda row: row[0][:60])
def test_each_deviation_names_its_paper_and_what_is_there(row: list[str]) -> None:
    assert not faults(row)


def test_there_are_some() -> None:
    assert len(rows(PAGE)) > 40


@pytest.mark.parametrize(
    "row",
    [
        ["Mnih et al. 2015", "otherwise", "`agents/dqn/agent.py`: `Nowhere`"],
        ["Mnih et al. 2015", "otherwise", "`agents/nowhere.py`: `DQN`"],
        ["Mnih et al. 2015", "otherwise", "agents/dqn/agent.py"],
        ["nobody", "otherwise", "`agents/dqn/agent.py`: `DQN`"],
        ["Mnih et al. 2015", "otherwise"],
    ],
)
def test_that_test_can_fail(row: list[str]) -> None:
    assert faults(row)


def test_settings_that_are_named_are_there() -> None:
    from dataclasses import fields

    from agents import DQNConfig, ExperimentConfig

    known = {field.name for config in (DQNConfig, ExperimentConfig) for field in fields(config)}
    known |= {"policy", "rainbow"}
    for flag in re.findall(r"`--([a-z-]+)", PAGE):
        assert flag.replace("-", "_") in known, flag


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_it_is_linked(page: str) -> None:
    assert re.search(r"^deviations$|docs/deviations\.md", (ROOT / page).read_text(), re.MULTILINE)
