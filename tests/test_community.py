"""What strangers read first agrees with the project: citation, changelog, hooks, release, image."""

import importlib.util
import io
import json
import re
import shlex
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == PROJECT["name"]
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] and citation["message"]


# -- changelog ------------------------------------------------------------------------------------
def test_the_changelog_has_the_form_that_it_names() -> None:
    heads = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    for head in heads[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head), head
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= kinds


def test_the_version_is_the_newest_of_the_changelog_or_not_released() -> None:
    released = re.findall(r"^## \[(\d[\d.]*)\]", CHANGELOG, re.MULTILINE)
    assert released[:1] == [PROJECT["version"]] or not released


# -- contributing ---------------------------------------------------------------------------------
def test_what_contributing_names_is_there() -> None:
    paths = re.findall(r"`((?:drl|agents|envs|tests|docs|benchmarks)/[\w/.-]*)`", CONTRIBUTING)
    assert len(paths) > 25
    for path in paths:
        if path != "tests/test_x.py":
            assert (ROOT / path).exists(), path
    for name, path in re.findall(r"`([A-Z]\w+)` of `([\w/.]+\.py)`", CONTRIBUTING):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), name
    for target in re.findall(r"`?make ([a-z]+)`?", CONTRIBUTING):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_one_command_runs_what_ci_runs() -> None:
    """`make test` is lint, types and tests, and CI calls it."""
    assert re.search(r"^test: lint types unit$", MAKEFILE, re.MULTILINE)
    assert re.search(r"^make test\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


# -- templates and hooks --------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["fault", "wrong-number", "idea"])
def test_issue_templates_can_be_filled_in(name: str) -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
    assert {"name", "description", "body"} <= form.keys()
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert all(
        field["type"] == "textarea" and field["attributes"]["label"] for field in form["body"]
    )
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_hooks_are_the_checks_of_make_and_fetch_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repo,) = hooks["repos"]
    assert repo["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    run = [" ".join(shlex.split(hook["entry"])[:2]).strip() for hook in repo["hooks"]]
    for command in ("ruff check", "ruff format", "mypy", "mypy examples"):
        assert command in run
        assert f"$(BIN)/{command}" in MAKEFILE


# -- release --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def check_dist() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_dist", ROOT / ".ci" / "check_dist.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


METADATA = """\
Metadata-Version: 2.4
Name: made
Version: 1.2
License-Expression: MIT
Description-Content-Type: text/markdown

# Made
"""


def made(home: Path, metadata: str = METADATA, files: tuple[str, ...] = ()) -> Path:
    """A project, and the two files that would be made of it; `files` in the wheel besides."""
    (home / "drl").mkdir(parents=True)
    (home / "drl" / "a.py").write_text("")
    (home / "pyproject.toml").write_text('[project]\nname = "made"\nversion = "1.2"\n')
    dist = home / "dist"
    dist.mkdir()
    with zipfile.ZipFile(dist / "made-1.2-py3-none-any.whl", "w") as wheel:
        info = "drl_toolkit-1.2.dist-info"
        for name in ("drl/a.py", f"{info}/licenses/LICENSE", *files):
            wheel.writestr(name, "")
        wheel.writestr(f"{info}/METADATA", metadata)
    with tarfile.open(dist / "made-1.2.tar.gz", "w:gz") as sdist:
        for name in ("pyproject.toml", "README.md", "LICENSE", "drl/a.py", "PKG-INFO"):
            content = metadata.encode() if name == "PKG-INFO" else b""
            entry = tarfile.TarInfo(f"made-1.2/{name}")
            entry.size = len(content)
            sdist.addfile(entry, io.BytesIO(content))
    return dist


def test_a_good_distribution_has_no_faults(check_dist: ModuleType, tmp_path: Path) -> None:
    assert check_dist.faults(made(tmp_path), tmp_path) == []


def test_what_python_and_numba_keep_beside_sources_is_no_source(
    check_dist: ModuleType, tmp_path: Path
) -> None:
    dist = made(tmp_path)
    (tmp_path / "drl" / "__pycache__").mkdir()
    for name in ("a.cpython-311.pyc", "a.loop-1.py311.nbi", "a.loop-1.py311.1.nbc"):
        (tmp_path / "drl" / "__pycache__" / name).write_text("")
    assert check_dist.faults(dist, tmp_path) == []


@pytest.mark.parametrize(
    ("metadata", "files", "said"),
    [
        (METADATA.replace("1.2", "1.3"), (), "is made 1.3"),
        (METADATA.replace("Version: 1.2", "Version: one"), (), "one"),
        (METADATA.replace("License-Expression: MIT", "License-Expression: Mine"), (), "Mine"),
        (METADATA.replace("# Made\n", ""), (), "README"),
        (METADATA, ("tests/test_a.py",), "tests/test_a.py has no business there"),
    ],
)
def test_a_bad_distribution_is_refused(
    metadata: str, files: tuple[str, ...], said: str, check_dist: ModuleType, tmp_path: Path
) -> None:
    found = check_dist.faults(made(tmp_path, metadata, files), tmp_path)
    assert any(said in fault for fault in found), found


def test_what_is_missing_is_named(check_dist: ModuleType, tmp_path: Path) -> None:
    dist = made(tmp_path)
    (tmp_path / "drl" / "py.typed").write_text("")
    assert [fault.partition(": ")[2] for fault in check_dist.faults(dist, tmp_path)] == [
        "drl/py.typed is missing"
    ]
    (dist / "made-1.2.tar.gz").unlink()
    assert "0 sdists" in check_dist.faults(dist, tmp_path)[0]


@pytest.mark.parametrize("script", ["run", "lowest", "release"])
def test_scripts_are_bash_that_can_be_read(script: str) -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / script], check=True)
    assert "set -euo pipefail" in (ROOT / ".ci" / script).read_text()


# -- docker ---------------------------------------------------------------------------------------
def test_the_image_is_made_of_what_is_there() -> None:
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [
        word for line in re.findall(r"^COPY (.*)$", docker, re.M) for word in line.split()[:-1]
    ]
    assert {"drl", "agents", "envs", "pyproject.toml", "README.md", "constraints.txt"} <= set(
        sources
    )
    for source in sources:
        assert (ROOT / source).exists(), source
    (python,) = re.findall(r"^FROM python:(\d+\.\d+)-slim$", docker, re.M)
    assert f">={python}" == PROJECT["requires-python"]
    (torch,) = re.findall(r"torch==([\d.]+)", docker)
    assert f"torch=={torch}\n" in (ROOT / "constraints.txt").read_text()
    (extras,) = re.findall(r'EXTRAS="([\w,]+)"', docker)
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()
    assert json.loads(re.findall(r"^ENTRYPOINT (.*)$", docker, re.M)[0]) == ["drl"]
    assert "drl" in PROJECT["scripts"]
