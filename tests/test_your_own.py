"""docs/your-own.md runs as it stands: every block of Python and of commands, in order."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(
    r"^```(python|console)\n(.*?)^```", (ROOT / "docs" / "your-own.md").read_text(), re.S | re.M
)
FILE = re.compile(r"# (\w+)\.py\n")  # a block that begins so is that file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("my_", "own_")):
            del sys.modules[name]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each with the lines that are shown of its output."""
    for part in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.M)[1:]:
        words, *shown = part.strip().splitlines()
        yield words, shown


def run(words: str) -> str:
    """What a shell prints of a `drl …`."""
    assert words.startswith("drl ")
    done = subprocess.run(
        f'"{sys.executable}" -m {words}', shell=True, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def test_every_block_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for agent in ("own_agent", "own_recurrent_agent"):
        shutil.copy(ROOT / "examples" / f"{agent}.py", here)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, (kind, block) in enumerate(BLOCKS):
        if kind == "console":
            for words, shown in commands(block):
                out = run(words)
                for line in shown:
                    assert line in out, f"{words} prints no {line!r}, but {out}"
        elif file := FILE.match(block):
            Path(f"{file[1]}.py").write_text(block)
        else:
            exec(compile(block, f"docs/your-own.md, block {number}", "exec"), names)

    told = capsys.readouterr().out
    assert "True\n" in told  # halved and whole: the same parameters
    for name in ("mine.gif", "mine.onnx", "again.gif", "again.onnx", "policy.gif", "net.npz"):
        assert (here / name).stat().st_size > 500, name
    assert list((here / "runs" / "mine").glob("events.*"))
    assert sorted(path.name for path in (here / "sweep").iterdir()) == [
        "seed-1", "seed-2", "seed-3", "seed-4",
    ]  # fmt: skip
    assert names["result"].summary["test_accuracy"] > 0.9


def test_the_page_shows_files_commands_and_code() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("console") >= 6 and kinds.count("python") >= 10
    assert sum(bool(FILE.match(block)) for _, block in BLOCKS) >= 4
