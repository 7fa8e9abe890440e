"""A config.json that was damaged or edited by hand: it works, or one clear line says why not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_checkpoint import mutate

from drl import load_run
from drl.cli.main import main
from drl.errors import UserError
from drl.typed import fits

VALUES = [None, True, -1, 0, 3, 10**30, 0.5, float("nan"), "", "relu", [], [3], [-1], {}, [[1]]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("runs")
    for job in ("dqn", "digits"):
        short = ["--steps", "400"] if job == "dqn" else ["--epochs", "1", "--hidden", "8"]
        assert main(["train", job, "--run", str(directory / job), "--json", *short]) == 0
    return {job: directory / job for job in ("dqn", "digits")}


def loads_or_says_why(directory: Path) -> bool:
    try:
        load_run(directory).network("last")
        return True
    except UserError as error:
        assert "\n" not in str(error)
        return False


def survives(directory: Path, damage: Callable[[str], str], count: int) -> int:
    """How many of `count` damaged configs were refused."""
    path = directory / "config.json"
    whole = path.read_text()
    try:
        refused = 0
        for _ in range(count):
            path.write_bytes(damage(whole).encode("utf-8", "surrogateescape"))
            refused += not loads_or_says_why(directory)
        return refused
    finally:
        path.write_text(whole)


@pytest.mark.parametrize("job", ["dqn", "digits"])
def test_every_setting_with_every_wrong_value(job: str, runs: dict[str, Path]) -> None:
    names = json.loads((runs[job] / "config.json").read_text())["settings"]
    cases = iter([(name, value) for name in names for value in VALUES])

    def damage(whole: str) -> str:
        document, (name, value) = json.loads(whole), next(cases)
        document["settings"][name] = value
        return json.dumps(document)

    count = len(names) * len(VALUES)
    assert survives(runs[job], damage, count) > count / 3


@pytest.mark.parametrize("job", ["dqn", "digits"])
def test_every_setting_missing(job: str, runs: dict[str, Path]) -> None:
    names = iter(json.loads((runs[job] / "config.json").read_text())["settings"])

    def damage(whole: str) -> str:
        document = json.loads(whole)
        del document["settings"][next(names)]
        return json.dumps(document)

    survives(
        runs[job], damage, len(json.loads((runs[job] / "config.json").read_text())["settings"])
    )


def random_bytes(rng: np.random.Generator) -> Callable[[str], str]:
    return lambda whole: mutate(whole.encode(), rng).decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("job", ["dqn", "digits"])
def test_random_damage(job: str, runs: dict[str, Path]) -> None:
    assert survives(runs[job], random_bytes(np.random.default_rng(0)), 200) > 50


@pytest.mark.slow
def test_a_hundred_thousand_times_random_damage(runs: dict[str, Path]) -> None:
    refused = survives(runs["dqn"], random_bytes(np.random.default_rng(1)), 100_000)
    assert 25_000 < refused < 100_000


@pytest.mark.parametrize(
    ("value", "hint", "fine"),
    [
        (1, int, True), (True, int, False), (1, float, True), ("1", int, False),
        (None, int | None, True), ((1, 2), tuple[int, ...], True),
        ((1, "2"), tuple[int, ...], False), ([1], tuple[int, ...], False), (1.5, int, False),
    ],
)  # fmt: skip
def test_fits(value: Any, hint: Any, fine: bool) -> None:
    assert fits(value, hint) == fine
