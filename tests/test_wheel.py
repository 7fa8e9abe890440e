"""The built wheel, installed into a clean environment, trains."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_wheel_trains_in_a_clean_environment(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("drl_toolkit-*.whl")
    files = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in ("drl", "agents", "envs")} <= set(files)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    constraints = ["-c", str(ROOT / "constraints.txt")]
    for what in ("torch==2.13.0", str(wheel)):
        subprocess.run([python, "-m", "pip", "install", "-q", *constraints, what], check=True)
    drl = tmp_path / "env" / "bin" / "drl"
    for job in (["dqn", "--steps", "1000"], ["digits", "--epochs", "2"]):
        subprocess.run([drl, "train", *job, "--run", tmp_path / job[0]], cwd=tmp_path, check=True)
        assert (tmp_path / job[0] / "summary.json").exists()
        subprocess.run([drl, "evaluate", tmp_path / job[0]], cwd=tmp_path, check=True)
