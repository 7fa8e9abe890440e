"""`drl tour`: the chapters run, and their numbers are what the text says of them."""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import drl.tour.page as page_module
from drl.cli.main import main
from drl.tour import CHAPTERS, chapter
from drl.tour.page import Page


@cache
def finished(number: int) -> Page:
    """A chapter without figures."""
    return chapter(number)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour"]) == 0
    shown = capsys.readouterr().out
    for number, title in enumerate(CHAPTERS.values(), start=1):
        assert re.search(rf"^ *{number}  {title}$", shown, re.MULTILINE), title


@pytest.mark.parametrize(
    "args, words",
    [
        (["12"], "there is no chapter 12: give 1 to 11"),
        (["0"], "there is no chapter 0: give 1 to 11"),
        (["--all"], "give it --out DIR"),
        (["9", "--all", "--out", "x"], "no number"),
    ],
)
def test_mistakes(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", *args]) == 2
    errors = capsys.readouterr().err
    assert words in errors and errors.count("\n") == 1


def test_place_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "PLOTS", False)
    (tmp_path / "file").touch()
    assert main(["tour", "9", "--out", str(tmp_path / "file")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_numbers_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "9", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert shown["chapters"]["9"] == finished(9).numbers


def test_text_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "PLOTS", False)
    monkeypatch.setattr("drl.cli.tour.PLOTS", False)
    assert main(["tour", "9", "--out", str(tmp_path)]) == 0
    assert "drl-toolkit[plot]" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["09.md"]
    assert (tmp_path / "09.md").read_text(encoding="utf-8") == finished(9).markdown


@pytest.mark.parametrize("number, figures", [(9, 1), (10, 1), (11, 2)])
def test_figures_are_shown_where_they_are(number: int, figures: int, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = chapter(number, tmp_path)
    shown = re.findall(r"!\[[^]]+\]\(([\w-]+\.png)\)", page.markdown)
    assert shown == [path.name for path in page.figures]
    assert len(shown) == figures
    assert all((tmp_path / name).stat().st_size > 5_000 for name in shown)


@pytest.mark.parametrize("number", range(1, len(CHAPTERS) + 1))
def test_one_title_and_the_code_itself(number: int) -> None:
    text = re.sub(r"```.*?```", "", finished(number).markdown, flags=re.DOTALL)
    assert re.findall(r"^# .*", text, re.MULTILINE) == [
        f"# {number}. {list(CHAPTERS.values())[number - 1]}"
    ]
    if number != 6:  # it counts: it shows the network's own table instead
        assert "```python\n" in finished(number).markdown
    assert finished(number).numbers


def test_softmax() -> None:
    numbers = finished(9).numbers
    for when in ("before", "after"):
        gradient = np.array(numbers[f"gradient_{when}"])
        assert (gradient < 0).sum() == 1  # only the right class is raised
        assert gradient.sum() == pytest.approx(0, abs=1e-6)
        assert numbers[f"loss_{when}"] == pytest.approx(-np.log(1 + gradient.min()), rel=1e-3)
    assert numbers["loss_after"] < 0.1 * numbers["loss_before"]
    assert numbers["parameters"] == 65 * 20 + 21 * 10
    confusion = np.array(numbers["confusion"])
    assert numbers["test_accuracy"] == pytest.approx(100 * np.trace(confusion) / confusion.sum())
    assert numbers["test_accuracy"] > 94
    assert f"{numbers['test_accuracy']:.1f} %" in finished(9).markdown


def test_shared_weights() -> None:
    conv, few, many = finished(10).numbers.values()
    assert conv["parameters"] == 8 * (9 + 1) + 10 * (72 + 1)
    assert conv["multiplications"] == 36 * 9 * 8 + 72 * 10
    assert (few["parameters"], many["multiplications"]) == (65 * 11 + 12 * 10, 64 * 45 + 45 * 10)
    assert few["parameters"] == pytest.approx(conv["parameters"], rel=0.05)
    assert many["multiplications"] == pytest.approx(conv["multiplications"], rel=0.05)
    assert conv["accuracy"] > few["accuracy"]
    assert conv["shifted"] > max(few["shifted"], many["shifted"]) + 5


def test_shifted_by_one_pixel() -> None:
    from drl.tour.convolution import shifted

    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 3, 5] = 1
    at = {tuple(map(int, np.argwhere(moved[0, :, :, 0])[0])) for moved in shifted(image)}
    assert at == {(3, 4), (3, 6), (2, 5), (4, 5)}


def test_reinforcement() -> None:
    numbers = finished(11).numbers
    assert numbers["gradient_elsewhere"] == 0
    assert numbers["parameters"] == 5 * 64 + 65 * 64 + 65 * 2
    assert numbers["before"] < 100 and numbers["after"] >= 475
    assert numbers["solved"] and numbers["env_steps"] == numbers["evaluations"][-1][0]
    assert numbers["v_after"][1] - numbers["v_after"][0] > 20  # it tells good states from bad
