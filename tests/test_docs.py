"""The site builds without a warning, is whole, and asks nobody outside for anything."""

import html
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import drl

ROOT = Path(__file__).resolve().parents[1]
# what a browser fetches by itself; links (<a href>) are fetched only when someone follows them
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*?\s(?:src|href)=["']?(?:https?:)?//"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_site_asks_nobody_outside(site: Path) -> None:
    files = [path for kind in ("html", "css") for path in site.rglob(f"*.{kind}")]
    assert len(files) > 15
    for path in files:
        found = FETCHED.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name}: {found.group()}"


@pytest.mark.parametrize(
    "text",
    [
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<script defer src="//cdn.example/x.js">',
        "body { background: url(https://example/x.png) }",
    ],
)
def test_that_test_can_fail(text: str) -> None:
    assert FETCHED.search(text)


@pytest.mark.parametrize("package", ["agents", "envs", "drl", "drl.supervised"])
def test_every_public_name_is_in_the_reference(site: Path, package: str) -> None:
    page = (site / "api" / f"{package.split('.')[-1]}.html").read_text(encoding="utf-8")
    for name in importlib.import_module(package).__all__:
        if name not in ("PRESETS", "TargetFunction", "Policy"):  # a table, two type aliases
            assert f'id="{package}.{name}"' in page, name


@pytest.mark.parametrize("guide", ["index", "train"])
def test_code_in_guides_runs(
    guide: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / f"{guide}.md").read_text(), re.DOTALL
    )
    assert blocks
    for block in blocks:
        exec(compile(block, guide, "exec"), {})
    assert len(capsys.readouterr().out) > 4


@pytest.mark.parametrize("name", ["MLP", "Huber", "Adam"])
def test_docstrings_keep_their_lines(site: Path, name: str) -> None:
    page = html.unescape((site / "api" / "drl.html").read_text(encoding="utf-8"))
    shown = re.sub(r"<[^>]+>", "", page)
    assert str(inspect.getdoc(getattr(drl, name))) in shown


def missing(page: str) -> list[str]:
    """Tests that a page names and that are not there: `test_x.py::test_y…`, `::test_z`."""
    found = []
    for cell in page.split("|"):
        file = ""
        for name, test in re.findall(r"`(test_\w+\.py)?(?:::(test_\w+)…?)?`", cell):
            file = name or file
            path = ROOT / "tests" / file
            if file and (not path.is_file() or f"def {test}" not in path.read_text("utf-8")):
                found.append(f"{file}::{test}")
    return found


def test_every_proof_that_is_named_is_there() -> None:
    assert missing((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")) == []
    assert missing("| `test_docs.py::test_no_such`, `::test_every_proof…` |") == [
        "test_docs.py::test_no_such"
    ]
    assert missing("| `test_nowhere.py` |") == ["test_nowhere.py::"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_lines_that_a_page_points_to_are_there(page: Path) -> None:
    for file, name in re.findall(r"`([\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8")):
        where = ROOT / file if "/" in file else ROOT / "tests" / file
        code = where.read_text(encoding="utf-8")
        made = rf"^\s*(?:def|class) {name}\w*\b|^{name} = "
        assert re.search(made, code, re.M), f"{file}::{name}"
