"""Numbers as people type them; what is not understood says what to type."""

import json
from pathlib import Path

import pytest

from drl.cli import train
from drl.cli.main import main
from drl.cli.parse import whole


@pytest.mark.parametrize(
    ("words", "hidden"),
    [
        ("32 16", (32, 16)),
        ("32,16", (32, 16)),
        ("32, 16", (32, 16)),
        ("8", (8,)),
        ("1e2,8", (100, 8)),
    ],
)
def test_several_numbers_are_apart_by_spaces_or_commas(words: str, hidden: tuple[int, ...]) -> None:
    assert train.parse("train dqn", ["--hidden", *words.split(" ")]).agent.hidden == hidden


@pytest.mark.parametrize(
    ("word", "number"),
    [("20000", 20_000), ("20_000", 20_000), ("2e4", 20_000), ("1.5E3", 1_500), ("1e+3", 1_000)],
)
def test_whole_numbers_may_be_written_with_an_exponent(word: str, number: int) -> None:
    assert whole(word) == number
    assert train.parse("train dqn", ["--steps", word]).experiment.steps == number


@pytest.mark.parametrize(
    "word", ["1e-1", "1.5", "1.55e1", "1e999", "ten", "", "1,000", "nan", "0x10"]
)
def test_what_is_no_whole_number_says_what_to_type(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "dqn", "--steps", word]) == 2
    error = capsys.readouterr().err
    assert error == (
        f"drl: --steps {word!r} is not possible: give a whole number; see drl train dqn --help\n"
    )


def test_numbers_with_an_exponent_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--epochs", "1e0", "--hidden", "16,8", "--run", str(tmp_path / "run"), "--json"]
    assert main(["train", "digits", *words]) == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["epochs"] == 1 and settings["hidden"] == [16, 8]


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_train_alone_helps(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", flag]) == 0
    text = capsys.readouterr().out
    assert "drl train dqn " in text and "drl train digits " in text and "compare" not in text
