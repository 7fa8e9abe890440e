"""A light installation, without torch, TensorBoard and what they bring: everything on numpy runs.

The environment of most tests holds links to installed packages: those that docs/start.md lists, and
what they require.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from drl.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
START = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
SECTION = START.partition("## A light installation")[2].partition("\n## ")[0]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LEFT_OUT = {"torch", "tensorboard"}
ONNX = "'onnx>=1.17' 'onnxruntime>=1.20'"  # its extra would bring torch
SHORT = ("train", "dqn", "--steps", "1000", "--learning-starts", "64", "--eval-every", "500")

(LISTED,) = re.findall(r"^pip install -c constraints\.txt ((?:\w+ ?)+)$", SECTION, re.MULTILINE)
Drl = Callable[..., subprocess.CompletedProcess[str]]


def required(names: list[str]) -> set[str]:
    """They and all that they require on this machine."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            needed = map(Requirement, distribution(name).requires or ())
            waiting += [
                r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})
            ]
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the packages of the list, and ours."""
    home = tmp_path_factory.mktemp("light")
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for name in required(LISTED.split()):
        files = distribution(name).files or ()
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            (packages / top).symlink_to(distribution(name).locate_file(top))
    (packages / "ours.pth").write_text(f"{ROOT}\n")
    about = packages / "drl_toolkit-0.dist-info"  # as pip leaves it
    about.mkdir()
    extras = PROJECT["optional-dependencies"].items()
    lines = [f'Requires-Dist: {line}; extra == "{name}"' for name, of in extras for line in of]
    (about / "METADATA").write_text("\n".join(["Name: drl-toolkit", "Version: 0", *lines]))
    return home / "bin" / "python"


@pytest.fixture
def drl(python: Path, tmp_path: Path) -> Drl:
    """The command in the light environment, in an empty directory."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def run(*args: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [python, "-W", "error", "-m", "drl.cli.main", *args],
            cwd=tmp_path, env=environ, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done

    return run


def line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that the command was refused with."""
    (said,) = done.stderr.splitlines()
    return said


# -- the list -----------------------------------------------------------------------------------
def test_the_list_is_the_dependencies_without_two() -> None:
    stated = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert set(LISTED.split()) == stated - LEFT_OUT


def test_the_environment_lacks_what_it_should(python: Path) -> None:
    away = ("torch", "tensorboard", "google.protobuf", "grpc", "onnx", "matplotlib", "numba")
    program = (
        "import importlib\n"
        f"for name in {away}:\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except ModuleNotFoundError:\n        continue\n"
        "    raise SystemExit(name)"
    )
    done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- what runs ----------------------------------------------------------------------------------
def test_a_run_from_its_start_to_its_end(drl: Drl, tmp_path: Path) -> None:
    done = drl(*SHORT, "--run", "run")
    assert done.stdout.count("TensorBoard is not installed (pip install tensorboard)") == 1
    assert f"see curves:  {Path('run', 'progress.csv')}" in done.stdout
    assert json.loads((tmp_path / "run/config.json").read_text())["settings"]["log_to"] == ["csv"]
    assert (tmp_path / "run" / "progress.csv").is_file()
    assert not list((tmp_path / "run").glob("events.*"))
    drl("resume", "run", "--steps", "2000")
    assert "mean return" in drl("evaluate", "run", "--episodes", "10").stdout
    assert "last evaluation" in drl("compare", "run").stdout
    drl("export", "run", "--format", "npz", "--out", "policy.npz")
    assert (tmp_path / "policy.npz").is_file()


def test_an_episode_is_watched(drl: Drl, tmp_path: Path) -> None:
    drl(*SHORT, "--env", "drl/Catch-v0", "--run", "run", "--log-to", "jsonl", "monitor")
    drl("watch", "run", "--out", "episode.gif")
    assert (tmp_path / "episode.gif").read_bytes().startswith(b"GIF")
    assert "last evaluation" in drl("compare", "run").stdout


def test_runs_side_by_side(drl: Drl) -> None:
    done = drl(*SHORT, "--seeds", "2", "--run", "runs")
    assert "best evaluation" in done.stdout and "drl board" not in done.stdout


def test_digits(drl: Drl) -> None:
    drl("train", "digits", "--model", "conv", "--epochs", "1", "--run", "run")
    assert "test accuracy" in drl("evaluate", "run").stdout


def test_a_wide_network_is_numpys(drl: Drl, tmp_path: Path) -> None:
    drl(*SHORT, "--hidden", "512", "512", "--run", "run", "--log", "none")
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["backend"] == "numpy"
    assert "best evaluation" in drl("compare", "run").stdout  # it has no curves at all


def test_a_row_of_gradients_is_checked_without_torch(python: Path) -> None:
    code = (
        "from drl.bench.gradients import BARS, LOSSES, cases, check\n"
        "assert [*BARS] == ['differences']\n"
        "found = [check(case) for case in cases()[: len(LOSSES)]]\n"  # a layer under every loss
        "assert all(row['pass'] and 'torch' not in row for row in found)\n"
    )
    subprocess.run([python, "-W", "error", "-c", code], check=True)


@pytest.mark.slow
def test_gradients_are_checked_without_torch(drl: Drl) -> None:
    done = drl("check-gradients")
    assert "torch is not installed" in done.stderr.splitlines()[0]  # then the progress
    assert "none failed; worst against differences" in done.stdout
    assert "autograd" not in done.stdout


def test_words(drl: Drl) -> None:
    assert "1  " in drl("tour").stdout
    assert "η" in drl("tour", "1").stdout
    drl("completion", "bash")


# -- what does not, and says so -------------------------------------------------------------------
@pytest.mark.parametrize("logged", [("--log-to", "tensorboard"), ("--log-to", "csv", "wandb")])
def test_loggers_that_are_named_are_needed(
    logged: tuple[str, ...], drl: Drl, tmp_path: Path
) -> None:
    said = line(drl(*SHORT, *logged, code=2))
    assert said.endswith(f"pip install {logged[-1]}")
    assert not list(tmp_path.iterdir())
    drl(*SHORT, *logged, "--log", "none", "--run", "run")  # nothing is logged


@pytest.mark.parametrize("flag", [("--backend", "torch"), ("--device", "cuda")])
def test_torch_that_is_named_is_needed(flag: tuple[str, str], drl: Drl, tmp_path: Path) -> None:
    for job in (SHORT, ("train", "digits")):
        said = line(drl(*job, *flag, "--log", "none", code=2))
        assert said.endswith(f"{flag[1]} needs torch: pip install torch")
    assert not list(tmp_path.iterdir())


def test_commands_that_need_a_package_name_it(drl: Drl, tmp_path: Path) -> None:
    drl(*SHORT, "--run", "run")
    for package, *command in (
        ("torch", "export", "run", "--format", "torch", "--out", "policy.pt"),
        ("tensorboard", "board", "."),
        ("tensorboard", "compare", "run", "--tensorboard", "over"),
        ("torch", "bench", "step"),
        ("torch", "bench", "prioritized"),
        (ONNX, "export", "run", "--format", "onnx", "--out", "policy.onnx"),
        ("'matplotlib>=3.9'", "compare", "run", "--out", "curves.png"),
    ):
        assert line(drl(*command, code=2)).endswith(f"pip install {package}"), command
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# -- runs of a whole installation -----------------------------------------------------------------
@pytest.fixture
def whole(tmp_path: Path) -> Path:
    run = tmp_path / "whole"
    args = ("--run", str(run), "--backend", "auto", "--hidden", "512", "512")
    assert main([*SHORT, *args, "--log-to", "tensorboard"]) == 0
    assert json.loads((run / "summary.json").read_text())["backend"] == "torch"
    return run


def test_a_run_with_event_files_alone(whole: Path, drl: Drl) -> None:
    """It is scored; what would read its curves, or write more of them, names TensorBoard."""
    assert "mean return" in drl("evaluate", whole, "--episodes", "10").stdout
    drl("export", whole, "--format", "npz", "--out", "policy.npz")
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert line(drl("compare", whole, code=2)).endswith("pip install tensorboard")
    done = drl("resume", whole, "--steps", "2000", code=2)
    assert line(done).endswith("pip install tensorboard")
    for path in (*whole.glob("checkpoints/*"), whole / "summary.json"):
        path.unlink()  # the event files alone say that it has been trained
    assert "checkpoints are gone" in line(drl("resume", whole, code=2))
    left = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert left.items() <= before.items()


def test_a_run_whose_checkpoint_has_torchs_generator(whole: Path, drl: Drl, tmp_path: Path) -> None:
    document = json.loads((whole / "config.json").read_text())
    document["settings"]["log_to"] = ["csv"]
    (whole / "config.json").write_text(json.dumps(document))
    drl("resume", whole, "--steps", "2000")
    assert json.loads((whole / "summary.json").read_text())["backend"] == "numpy"


# -- the commands of the page -------------------------------------------------------------------
@pytest.mark.slow
def test_what_the_page_says_installs_it(tmp_path: Path) -> None:
    """Its own commands; pip then misses torch and TensorBoard, and nothing else."""
    commands = re.findall(r"^(?:python3|\.|pip|drl) .*$", SECTION, re.MULTILINE)
    assert len(commands) == 5
    script = "\n".join(["set -eu", *commands])
    script = script.replace("constraints.txt", str(ROOT / "constraints.txt"))
    script = script.replace("--no-deps -e .", f"--no-deps {ROOT}")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "curves: progress.csv; TensorBoard is not installed" in done.stdout
    pip = [tmp_path / ".venv" / "bin" / "python", "-m", "pip"]
    check = subprocess.run([*pip, "check"], env=environ, capture_output=True, text=True)
    missing = re.findall(r"requires (\w+), which is not installed", check.stdout)
    assert sorted(missing) == sorted(LEFT_OUT), check.stdout
