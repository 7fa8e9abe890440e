"""README's figures, and those of the page of results, are the files' that their commands write."""

import json
import re
import runpy
import statistics
import sys
from pathlib import Path

import pytest

from drl.bench import report
from drl.bench.gradients import BARS
from drl.bench.result import Result
from drl.cli.check_gradients import Config
from drl.tour import CHAPTERS

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import readme  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")
SCORES = json.loads((BENCHMARKS / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", readme.PAGES)
def test_a_page_has_the_figures_of_the_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = text.partition(readme.BEGIN)[2].partition(readme.END)[0].strip()
    assert shown == readme.PAGES[page](), "make figures"


@pytest.mark.parametrize("name", ["figures", "scores", "beside_sb3"])
def test_another_file_is_another_table(name: str, tmp_path: Path) -> None:
    """Each of the three is read."""
    for file in ("figures", "scores", "beside_sb3"):
        text = (BENCHMARKS / f"{file}.json").read_text(encoding="utf-8")
        (tmp_path / f"{file}.json").write_text(text, encoding="utf-8")
    assert readme.table(tmp_path) == readme.table()
    path, old, new = {
        "figures": ("figures.json", '"seconds": 3.301345596999454', '"seconds": 3.8'),
        "scores": ("scores.json", '"221": 239.8', '"221": 139.8'),
        "beside_sb3": ("beside_sb3.json", '"ratio": 6.67', '"ratio": 3.9'),
    }[name]
    text = (tmp_path / path).read_text(encoding="utf-8")
    if old in text:
        (tmp_path / path).write_text(text.replace(old, new), encoding="utf-8")
    else:  # measured anew since this test was written: any other number will do
        number = re.search(r"(?<=: )\d+\.\d+", text)
        assert number is not None
        (tmp_path / path).write_text(text.replace(number.group(), "123456.5"), encoding="utf-8")
    assert readme.table(tmp_path) != readme.table()


def test_the_page_of_results_has_the_figures_of_the_file() -> None:
    results = [
        Result.from_json(plain) for plain in json.loads((BENCHMARKS / "figures.json").read_text())
    ]
    page = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    part = page.partition(report.BEGIN)[2].partition(report.END)[0].strip()
    made = report.markdown(results, [], image=True).strip()
    machine = re.compile(r"`make bench`, .*?each\.")  # the day, the cores, the versions
    assert machine.sub("", part) == machine.sub("", made)


def test_what_the_prose_says_is_so() -> None:
    assert "learns CartPole in about a second" in README.replace("\n", " ")
    (cartpole,) = (
        result
        for result in json.loads((BENCHMARKS / "figures.json").read_text())
        if result["bench"] == "cartpole"
    )
    assert 0.5 <= statistics.median(row["seconds"] for row in cartpole["rows"]) <= 1.5
    assert f"in {len(CHAPTERS)} chapters" in README


def test_the_bounds_of_the_gradients_are_those_that_the_command_holds() -> None:
    """Its failing above them: tests/test_gradcheck.py."""
    (line,) = (line for line in README.splitlines() if line.startswith("| derivatives"))
    stated = [float(number) for number in re.findall(r"\de-\d+", line)]
    assert stated == [BARS["differences"], BARS["autograd"]]
    helped = [float(number) for number in re.findall(r"\de-\d+", Config.__doc__ or "")]
    assert helped == list(BARS.values())


# -- rows of scores.json --------------------------------------------------------------------------
@pytest.mark.parametrize("row", SCORES, ids=lambda row: f"{row.get('group', '')} {row['what']}")
def test_a_row_says_what_was_run_and_what_came_of_it(row: dict) -> None:
    assert {"what", "train", "evaluate", "score", "seeds", "date"} <= row.keys()
    if "scores" in row:
        assert list(row["scores"]) == [str(seed) for seed in row["seeds"]]
        assert "summary" not in row
    else:
        assert {"mean", "lowest", "highest"} <= row["summary"].keys() and row["note"]


def test_a_row_by_hand() -> None:
    """Of −10, 0, 40 the mean is 10; two of three reach 0."""
    row = {"what": "Env", "seeds": [1, 2, 3], "scores": {"1": -10.0, "2": 0.0, "3": 40.0}}
    assert readme.score_lines([row]) == [("Env, 3 seeds", "mean 10.0 (−10.0 to 40.0)", "")]
    assert readme.met(row | {"bar": 10.0}) and not readme.met(row | {"bar": 10.1})
    assert readme.asked(row | {"bar": 11.0, "worst": -20.0}) == "≥ 11, none under −20 (missed)"
    assert not readme.met(row | {"worst": -9.0})
    reaching = row | {"threshold": 0.0, "bar": 2}
    assert readme.met(reaching) and not readme.met(reaching | {"bar": 3})
    assert readme.value(reaching) == "2 of 3 at ≥ 0; mean 10.0, lowest −10.0"


def test_rows_of_a_group_share_a_line() -> None:
    rows = [
        {"what": what, "group": "Digits", "unit": "%", "seeds": [0], "scores": {"0": x},
         "seconds": s, "bar": 98.0}
        for what, x, s in (("a", 97.04, 0.1), ("b", 99.0, 2.0))
    ]  # fmt: skip
    line = ("Digits, 1 seeds: a, b", "97.0 %, 99.0 % in 0.1, 2 s", "≥ 98, 98 (missed: a)")
    assert readme.score_lines(rows) == [line]


def test_scores_are_measured_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the row that was asked for, once trained not again; a missed bar is told."""
    digits = {
        "what": "logistic", "train": ["digits", "--model", "logistic", "--epochs", "2"],
        "evaluate": [], "score": "test_accuracy", "unit": "%", "seeds": [3], "seconds": 0,
        "summary": {}, "note": "old", "bar": 99.9,
    }  # fmt: skip
    other = {"what": "other", "train": ["nothing"], "evaluate": [], "seeds": [1]}
    file = tmp_path / "scores.json"
    file.write_text(json.dumps([digits, other]))
    argv = ["scores.py", "logistic", "--file", str(file), "--out", str(tmp_path / "runs")]
    monkeypatch.setattr("sys.argv", argv)
    before = (ROOT / "README.md").read_bytes()
    scores = []
    for _ in range(2):
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(BENCHMARKS / "scores.py"), run_name="__main__")
        assert stopped.value.code == 1
        row, untouched = json.loads(file.read_text())
        assert untouched == other and not {"summary", "note"} & row.keys()
        scores.append(row["scores"])
    assert scores[0] == scores[1] and 85 < scores[0]["3"] < 99.9
    assert "(bar missed)" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert (ROOT / "README.md").read_bytes() == before
