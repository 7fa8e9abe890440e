"""What a person sees on a terminal: names as they are, progress with speed and time left."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drl.display.console import Console
from drl.display.pace import Pace, duration
from drl.display.streams import printable

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # of rich: colours, cursor movements
EVIL = "exp [best]/r1 [/q] :smile: \x1b]0;x\x07\x9b2J"
LONG = "a rather/long path/" + "of many words " * 12


def on_a_terminal(directory: Path, *args: str, columns: int = 60) -> tuple[int, str]:
    """Exit code, and all that came out, of a command that has a terminal for both streams."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", *args], cwd=directory,
        stdout=slave, stderr=slave, stdin=slave,
        env=os.environ | {"COLUMNS": str(columns), "TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)
    out = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the last one that had it has ended
            break
        if not chunk:
            break
        out += chunk
    os.close(master)
    return process.wait(), out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("run", [EVIL, LONG], ids=["markup", "long"])
def test_a_run_is_shown_by_its_name_whole(run: str, tmp_path: Path) -> None:
    code, out = on_a_terminal(tmp_path, "train", "digits", "--epochs", "2", "--run", run)
    assert code == 0 and "Error" not in out
    text = ESCAPES.sub("", out)
    assert printable(str(Path(run))) in text.replace("\n", ""), text
    assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", text)
    assert (tmp_path / run / "summary.json").exists()
    for command in (["evaluate", run], ["compare", run], ["evaluate", f"{run}/none"]):
        _, out = on_a_terminal(tmp_path, *command)
        assert "Error" not in out and not re.search(
            r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", ESCAPES.sub("", out)
        )


def test_progress_shows_a_bar_speed_and_time_left(tmp_path: Path) -> None:
    words = [
        "--steps",
        "3000",
        "--eval-every",
        "3000",
        "--eval-episodes",
        "1",
        "--log-every",
        "100",
    ]
    words += ["--solved-at", "None"]
    code, out = on_a_terminal(
        tmp_path, "train", "dqn", *words, "--run", EVIL, "--log", "none", columns=200
    )
    text = ESCAPES.sub("", out)
    assert code == 0 and "━" in text and "env steps" in text
    assert re.search(r"[\d,]+/s, \d+:\d\d left", text), text
    code, out = on_a_terminal(
        tmp_path, "train", "dqn", *words, "--seeds", "2", "--run", "both", columns=200
    )
    text = ESCAPES.sub("", out)
    assert code == 0 and "seed-1" in text and "seed-2" in text and "━" in text
    assert re.search(r"[\d,]+/s, \d+:\d\d left", text), text
    summary = json.loads((tmp_path / EVIL / "summary.json").read_text())
    assert summary["env_steps"] >= 3000


def test_plain_lines_have_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Console().progress("env steps", 50_000) as progress:
        for done in range(0, 20_001, 1_000):
            now[0] += 0.5
            progress.update(done, "return 9.0")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("9,000 of 50,000 env steps  2,000/s, 0:20 left  return 9.0")
    assert len(lines) == 2


def test_pace_is_that_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = Pace(10_000)
    assert pace(500) == ""  # a resumed run: nobody knows yet
    now[0] = 1.0
    assert pace(600) == "100/s, 1:34 left"
    for second in range(2, 80):
        now[0] = float(second)
        said = pace(600 + second)
    assert said == "1/s, 2:35:21 left"
    assert pace(10_000).endswith("0:00 left")
    assert duration(59.6) == "1:00" and duration(-1) == "0:00"
