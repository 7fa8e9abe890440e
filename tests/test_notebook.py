"""Progress in a notebook, executed: one output that is updated, and text that can be read."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a cell in a kernel of its own; gives its outputs, and how often one was shown anew."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    class Client(NotebookClient):
        updates = 0

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            self.updates += msg["msg_type"] == "update_display_data"
            return super().process_message(msg, cell, cell_index)

    def run(source: str) -> tuple[list[Any], int]:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        client = Client(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        )
        client.execute()
        return notebook.cells[0].outputs, client.updates

    return run


def shown(outputs: list[Any]) -> list[str]:
    """The text of the displays."""
    found = [o for o in outputs if o.output_type in ("display_data", "execute_result")]
    assert all(list(o.data) == ["text/plain"] for o in found)
    return [o.data["text/plain"] for o in found]


def printed(outputs: list[Any], name: str) -> str:
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)


def plain(outputs: list[Any]) -> None:
    for text in (*shown(outputs), printed(outputs, "stdout"), printed(outputs, "stderr")):
        assert "\x1b" not in text and "\r" not in text


def test_progress_is_one_output_and_ends_as_it_was(execute: Any) -> None:
    outputs, updates = execute("""
import time
from drl.display.console import Console

console = Console()
with console.progress("env steps", 2_000) as progress:
    for step in range(0, 2_001, 100):
        progress.update(step, f"return {step / 10:.1f}")
        time.sleep(0.03)
        if step == 1_000:
            console.warn("the policy has collapsed")
console.table("CartPole-v1, seed 1", {"solved": "yes", "env steps": "2,000"})
""")
    plain(outputs)
    (line,) = shown(outputs)
    assert line.startswith("█" * 20 + " 2,000 of 2,000 env steps  ")
    assert line.endswith("return 200.0") and "/s, 0:00 left" in line
    assert 2 <= updates <= 6  # four a second at most, and the last
    assert printed(outputs, "stderr") == "drl: warning: the policy has collapsed\n"
    assert printed(outputs, "stdout").splitlines() == [
        "CartPole-v1, seed 1", "  solved     yes", "  env steps  2,000"
    ]  # fmt: skip


def test_a_training_is_one_output(execute: Any) -> None:
    """`train` in a cell: the bar in one output, what is told before it and its result as text."""
    outputs, updates = execute("""
from drl import train

result = train("dqn", "CartPole-v1", run="run", seed=1, steps=2_000, solved_at=None)
print("steps:", result.env_steps)
""")
    plain(outputs)
    (line,) = shown(outputs)
    assert line.startswith("█" * 20 + " 2,000 of 2,000 env steps  ")
    assert "return" in line and "/s, 0:00 left" in line
    assert 2 <= updates <= 60  # four a second at most, and the last
    assert printed(outputs, "stderr") == ""
    told = printed(outputs, "stdout").splitlines()
    assert "CartPole-v1, seed 1" in told and told[-1] == "steps: 2000"
    assert len(told) < 20


def test_a_training_without_progress_shows_nothing(execute: Any) -> None:
    outputs, _ = execute("""
from drl import train

result = train("dqn", "CartPole-v1", seed=1, steps=1_000, progress=False)
""")
    assert outputs == []


def test_what_is_interrupted_shows_how_far_it_came(execute: Any) -> None:
    outputs, _ = execute("""
from drl.display.console import Console

try:
    with Console().progress("updates", 10) as progress:
        progress.update(1, "loss 2")
        progress.update(5, "loss 1\\nand \\x1b[31mmore")
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
""")
    plain(outputs)
    (line,) = shown(outputs)
    assert line.startswith("█" * 10 + "░" * 10 + " 5 of 10 updates")
    assert line.endswith("loss 1 and more")


def test_nothing_is_shown_of_a_quiet_job(execute: Any) -> None:
    outputs, _ = execute("""
from drl.display.console import Console

with Console(quiet=True).progress("updates", 10) as progress:
    progress.update(1, "loss 2")
""")
    assert outputs == []


def test_runs_side_by_side_are_one_output(execute: Any) -> None:
    outputs, updates = execute("""
from pathlib import Path
from drl.display.console import Console
from drl.display.runs_table import runs_table

one, two = Path("seed-1"), Path("seed-2")
with runs_table(Console(), 2) as table:
    table.every = 0.0
    for run in (one, two):
        table.start(run)
        table.update(run, 50, 100, "updates", "loss 1")
        table.refresh()
    table.end(one, {"interrupted": False, "job": "digits", "test_accuracy": 0.5, "seconds": 1.0})
    table.fail(two, "the disk is full")
""")
    plain(outputs)
    (lines,) = shown(outputs)
    assert lines.splitlines() == ["seed-1  test accuracy 50.00%, 1.00 s", "seed-2  failed"]
    assert updates == 3
    assert printed(outputs, "stderr") == "drl: seed-2 failed: the disk is full\n"


def test_elsewhere_ipython_is_not_loaded() -> None:
    program = (
        "import sys\n"
        "from drl.display.console import Console\n"
        "with Console().progress('updates', 10) as progress:\n"
        "    progress.update(1, 'loss 2')\n"
        "assert 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_a_download_is_readable_too(execute: Any) -> None:
    """Its bars are rich's, which knows notebooks and would write HTML, or ask for a package."""
    outputs, _ = execute("""
from drl.display.terminal import BarColumn, DownloadColumn, Field, progress

with progress(Field("file"), BarColumn(), DownloadColumn()) as bar:
    bar.advance(bar.add_task("", total=100, file="images.gz"), 100)
""")
    plain(outputs)
    assert shown(outputs) == []
    (line,) = printed(outputs, "stderr").splitlines()
    assert line.startswith("images.gz") and line.endswith("100/100 bytes")
