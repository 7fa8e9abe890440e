"""Compiled loops: never needed, never in the way."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drl.nn.compiled import compiled

ROOT = Path(__file__).parents[1]
STEP = """
import sys
import numpy as np
from envs import make
env = make("CartPole-v1", 3, 0, compiled=True)
env.reset()
for _ in range(20):
    moved = env.step(np.ones(3, int))
print("numba" in sys.modules, env.euler.__name__, moved.obs.tobytes().hex())
"""


def stepped(setup: str = "", **options: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", setup + STEP], capture_output=True, text=True,
        **{"cwd": ROOT, **options},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_without_numba_the_same_numbers() -> None:
    hidden = "import sys\nsys.modules['numba'] = None\n"  # importing it fails
    without, with_numba = stepped(hidden), stepped()
    assert without[1] == "euler" and with_numba[:2] == ["True", "euler_loop"]
    assert without[2] == with_numba[2]


def test_numba_is_not_loaded_unless_asked_for() -> None:
    not_asked = STEP.replace(", compiled=True", "")
    done = subprocess.run([sys.executable, "-c", not_asked], capture_output=True, cwd=ROOT)
    assert done.stdout.split()[:2] == [b"False", b"euler"]


def unwritable(tmp_path: Path) -> dict[str, object]:
    """An install and a home in which nothing can be kept: files stand where directories should."""
    for package in ("drl", "envs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
        (tmp_path / package / "__pycache__").write_text("")
    (tmp_path / ".cache").write_text("")
    paths = [str(tmp_path), *(p for p in sys.path if p and Path(p) != ROOT)]
    return {"cwd": tmp_path, "env": {"HOME": str(tmp_path), "PYTHONPATH": ":".join(paths)}}


def test_where_nothing_can_be_kept_it_is_compiled_anew(tmp_path: Path) -> None:
    assert stepped(**unwritable(tmp_path))[:2] == ["True", "euler_loop"]
    assert (tmp_path / "envs/__pycache__").read_text() == ""


def test_damaged_cache_is_no_obstacle(tmp_path: Path) -> None:
    cache = {"env": {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": ""}}
    first = stepped(**cache)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:50])
    assert stepped(**cache) == first


def double(x: float) -> float:
    return 2.0 * x


def test_a_mistake_in_a_loop_is_not_hidden() -> None:
    import numba

    with pytest.raises(numba.core.errors.TypingError):
        compiled(double, "float64(unicode_type)")
