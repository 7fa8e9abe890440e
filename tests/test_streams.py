"""Closed streams, full disks, readers that have gone, other encodings: every command does its work.

Each case runs all commands in one process, since most of a command's time is its imports.
"""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from drl.cli.main import main
from drl.display.streams import one_line, printable, safe_streams

DRIVER = """
import json, os, sys
from drl.cli.main import main
codes = {}
for name, args in json.loads(sys.argv[1]).items():
    try:
        codes[name] = main([os.fsdecode(word.encode()) for word in args])  # as from a shell
    except SystemExit as stop:
        codes[name] = stop.code
with open("codes.json", "w") as file:
    json.dump(codes, file)
"""
SHORT = "--steps 300 --eval-every 200 --eval-episodes 2 --solved-at None"
COMMANDS = {  # what is printed on standard output, and works
    "help": "--help",
    "version": "--version",
    "the two jobs": "train --help",
    "a command's help": "train dqn --help",
    "train": f"train dqn {SHORT} --run 'rün'",
    "seeds": f"train dqn {SHORT} --log none --seeds 2 --run both",
    "digits": "train digits --epochs 2 --run digits",
    "resume": "resume 'rün' --steps 400",
    "evaluate": "evaluate 'rün' --episodes 2",
    "compare": "compare 'rün' both digits --out curves.svg",
    "export": "export digits --format npz --out net.npz",
    "tour": "tour 1",
    "completion": "completion fish",
}
MISTAKES = {"unknown": "evalute", "no run": "evaluate 'nö'", "no board": "board nowhere"}
PYTHON = shlex.quote(sys.executable)


def run_all(directory: Path, streams: str, **env: str) -> tuple[dict[str, int], str]:
    """Exit code of each command, and what came out on both streams."""
    words = {name: shlex.split(args) for name, args in {**COMMANDS, **MISTAKES}.items()}
    program = f"{PYTHON} -c {shlex.quote(DRIVER)} {shlex.quote(json.dumps(words))} {streams}"
    done = subprocess.run(
        ["bash", "-c", program], cwd=directory, capture_output=True, env=os.environ | env
    )
    out = (done.stdout + done.stderr).decode("latin-1")
    return json.loads((directory / "codes.json").read_text()), out


@pytest.mark.parametrize(
    "streams",
    ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "> /dev/full", "2> /dev/full", "2>&1 | true"],
)
def test_every_command_works_whatever_the_streams(streams: str, tmp_path: Path) -> None:
    codes, out = run_all(tmp_path, streams)
    lost = int(streams == "> /dev/full")  # what was printed is not there: 1, and a line says so
    assert codes == dict.fromkeys(COMMANDS, lost) | dict.fromkeys(MISTAKES, 2)
    assert "Traceback" not in out and "Error" not in out
    assert out.count("No space left") == lost * len(COMMANDS)
    for run in ("rün", "both/seed-1", "both/seed-2", "digits"):
        assert json.loads((tmp_path / run / "summary.json").read_text())["interrupted"] is False


C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "env",
    [{"PYTHONIOENCODING": name} for name in ("cp1252", "latin-1", "ascii")] + [C],
    ids=lambda env: env.get("PYTHONIOENCODING", "C"),
)
def test_every_command_works_whatever_the_encoding(env: dict[str, str], tmp_path: Path) -> None:
    codes, out = run_all(tmp_path, "", **env)
    assert codes == dict.fromkeys(COMMANDS, 0) | dict.fromkeys(MISTAKES, 2)
    assert "Traceback" not in out and "Error" not in out
    assert "8x8" in out or "8×8" in out


def test_a_run_goes_on_when_its_reader_has_gone(tmp_path: Path) -> None:
    run = f"{PYTHON} -m drl.cli.main train dqn {SHORT} --run run"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{run} 2>&1 | head -1"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0 and not done.stderr
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["env_steps"] >= 300


def test_a_closed_stream_gives_its_number_to_no_file(tmp_path: Path) -> None:
    """What is printed would end up in it."""
    program = (
        "from drl.display.streams import safe_streams\n"
        "with safe_streams(), open('file', 'wb') as file:\n"
        "    print('words'); file.write(bytes([file.fileno()]))"
    )
    command = f"{PYTHON} -c {shlex.quote(program)} <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path).returncode == 0
    assert (tmp_path / "file").read_bytes()[0] > 2


def test_the_callers_streams_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.stdout, sys.stderr
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with safe_streams():
        assert sys.stdout is mine  # what a caller has put there is the caller's
        print("words")
    assert main(["--version"]) == 0
    monkeypatch.undo()
    assert (sys.stdout, sys.stderr) == before
    assert mine.getvalue().startswith("words\ndrl ")


# -- nothing that steers a terminal -----------------------------------------------------------
def test_control_characters_are_shown_by_their_codes() -> None:
    assert printable("a\x1b]0;title\x07b") == "a\\x1b]0;title\\x07b"
    assert printable("\x9b31m \x85 \x7f \r \b") == "\\x9b31m \\x85 \\x7f \\r \\x08"
    assert printable("\u202eabc\u2066\u200f") == "\\u202eabc\\u2066\\u200f"
    assert printable("\x1b[1;31mred\x1b[0m") == "red"  # a colour says nothing
    assert printable("ü 雪 × \t\n") == "ü 雪 × \t\n"
    assert one_line("  a\n  b\x1b  c ") == "a b\\x1b  c"  # spaces may be a path's


EVIL = "a\x1b]0;owned\x07\x9b2J\u202e[red]b[/x]$\\frac{`"


def test_nothing_that_an_environment_raises_steers_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(
        "import gymnasium as gym\n"
        "class Evil(gym.Env):\n"
        "    observation_space = gym.spaces.Box(-1, 1, (2,))\n"
        "    action_space = gym.spaces.Discrete(2)\n"
        "    def reset(self, seed=None, options=None):\n"
        "        return self.observation_space.sample(), {}\n"
        "    def step(self, action):\n"
        f"        raise ValueError({EVIL!r})\n"
        "gym.register('Evil-v0', Evil)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "drl.cli.main", "train", "dqn", "--env", "evil:Evil-v0"],
        cwd=tmp_path, capture_output=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(
            filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))},
    )  # fmt: skip
    error = done.stderr.decode()
    assert done.returncode == 2 and error == printable(error) and "Traceback" not in error
    assert "ValueError: a\\x1b]0;owned\\x07\\x9b2J\\u202e[red]b[/x]" in error


def test_nothing_from_files_or_names_steers_the_terminal(tmp_path: Path) -> None:
    """Names of runs, settings and damaged files, in every command that shows them."""
    program = (
        "import json, pathlib\n"
        "from drl.cli.main import main\n"
        f"evil = {EVIL!r}\n"
        "run = ['--run', evil, '--json'][:2]\n"
        "codes = [main(['train', 'digits', '--epochs', '1', *run])]\n"
        "path = pathlib.Path(evil) / 'config.json'\n"
        "config = json.loads(path.read_text())\n"
        "config['settings']['data'] = evil\n"
        "path.write_text(json.dumps(config))\n"
        "for words in (['compare', evil, '--out', 'c.svg'], ['evaluate', evil],\n"
        "              ['resume', evil], ['watch', evil], ['evaluate', evil + 'x'],\n"
        "              ['train', 'digits', *run], ['train', 'dqn', '--env', evil]):\n"
        "    codes.append(main(words))\n"
        "config['settings']['job'] = evil\n"
        "path.write_text(json.dumps(config))\n"
        "codes += [main(['evaluate', evil]), main(['compare', evil])]\n"
        "print(codes)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True)
    out = (done.stdout + done.stderr).decode()
    assert out.splitlines()[0] and "Traceback" not in out, out
    assert out == printable(out)
    assert "\\x1b]0;owned\\x07\\x9b2J\\u202e[red]b[/x]$\\frac{`" in out
