"""The lowest versions: one list, which `make lowest` installs and pyproject.toml states."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOOLS = {"ruff", "mypy", "build"}  # pinned for all of us; no test runs on them
SIMULATORS = {"box2d", "mujoco"}  # of newer gymnasiums alone
BY_API = {"torch"}  # see constraints-lowest.txt
REQUIREMENT = re.compile(r"([\w-]+)(?:\[[^]]*\])?(?:>=([\d.]+))?$")


def stated() -> dict[str, str | None]:
    """Name → lowest version, of every dependency and extra."""
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    found: dict[str, str | None] = {}
    for line in lines:
        match = REQUIREMENT.match(line)
        assert match is not None, line
        name, version = match.groups()
        if name != PROJECT["name"]:
            found.setdefault(name, version)  # an extra may need more: gymnasium's simulators
    return found


def pinned() -> dict[str, str]:
    text = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)==([\d.]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(set(stated()) - TOOLS - BY_API))
def test_what_is_stated_is_what_is_tested(name: str) -> None:
    version = stated()[name]
    assert version is not None, f"{name} needs a lowest version: see CONTRIBUTING.md"
    assert name in pinned(), f"{name} is not in constraints-lowest.txt"
    lowest, tested = (f"{v}.0.0".split(".")[:3] for v in (version, pinned()[name]))
    assert lowest == tested


def test_of_torch_the_lowest_is_said() -> None:
    text = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8")
    assert f"torch's lowest is {stated()['torch']}" in text


def test_each_has_a_tested_version_too() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    tested = set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))
    assert set(stated()) - tested == set()


def test_make_lowest_installs_every_extra_but_simulators() -> None:
    script = (ROOT / ".ci" / "lowest").read_text(encoding="utf-8")
    (installed,) = re.findall(r"-e '\.\[([\w,]+)\]'", script)
    assert set(installed.split(",")) == {*PROJECT["optional-dependencies"]} - SIMULATORS - {"dev"}
