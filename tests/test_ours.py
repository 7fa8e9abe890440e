"""Another distribution that owns `agents/` or `envs/`: noticed, named, and what mends it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment's site-packages with an installation of ours."""
    prefix = tmp_path / "prefix"
    site = prefix / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for name in ("drl", "agents", "envs"):
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    about = site / "drl_toolkit-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: drl-toolkit\nVersion: 0.1.0\n")
    (about / "RECORD").write_text("drl/__init__.py,,\nagents/__init__.py,,\nenvs/__init__.py,,\n")
    return site


def wheel(directory: Path, package: str) -> Path:
    """Of another distribution, made by hand."""
    path = directory / "other_toolkit-2.0-py3-none-any.whl"
    about = "other_toolkit-2.0.dist-info"
    files = {
        f"{package}/__init__.py": "raise SystemExit('theirs was run')\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: other-toolkit\nVersion: 2.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**files, f"{about}/RECORD": record}.items():
            file.writestr(name, content)
    return path


def drl(site: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drl.cli.main", *args], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(site)}, cwd=site.parent,
    )  # fmt: skip


def pip(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "-q", *args], check=True, capture_output=True)


@pytest.mark.parametrize("package", ["agents", "envs"])
def test_a_distribution_that_overwrites_ours_is_named(
    package: str, site: Path, tmp_path: Path
) -> None:
    assert drl(site, "tour").returncode == 0
    theirs = wheel(tmp_path, package)
    pip("install", "--no-index", "--no-deps", "--prefix", str(tmp_path / "prefix"), str(theirs))
    done = drl(site, "tour")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and not done.stdout
    assert f"{package}/__init__.py is not ours" in done.stderr and "other-toolkit" in done.stderr
    assert "pip uninstall other-toolkit" in done.stderr
    assert "pip install --force-reinstall --no-deps drl-toolkit" in done.stderr

    for path in (*site.glob("other_toolkit*/*"), site / package / "__init__.py"):
        path.unlink()  # uninstalling theirs takes what was ours along
    shutil.rmtree(next(site.glob("other_toolkit*")))
    done = drl(site, "tour")
    assert done.returncode == 2 and f"{package}/__init__.py is not ours" in done.stderr
    assert "pip uninstall" not in done.stderr and "--force-reinstall" in done.stderr

    shutil.copy(ROOT / package / "__init__.py", site / package)  # as a reinstallation does
    assert drl(site, "tour").returncode == 0


def test_a_distribution_that_ours_has_overwritten_does_no_harm(site: Path, tmp_path: Path) -> None:
    ours = (site / "agents" / "__init__.py").read_bytes()
    with zipfile.ZipFile(wheel(tmp_path, "agents")) as file:
        file.extractall(site)
    (site / "agents" / "__init__.py").write_bytes(ours)  # installed after theirs
    assert drl(site, "tour").returncode == 0
