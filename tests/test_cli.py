"""The command line before any command runs, and the board."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from drl.cli.main import COMMANDS, main


def run(*args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drl.cli.main", *args], capture_output=True, text=True, **kwargs
    )  # type: ignore[call-overload, no-any-return]


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from drl.cli.main import main; main(['--help']);"
        "heavy = {'torch', 'gymnasium', 'numpy', 'tensorboard', 'rich', 'tyro'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(f"drl {name}" in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*name.split(), "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: drl {name}" in text


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["evalute"], "did you mean evaluate"),
        (["train"], "train what?"),
        (["train", "rabbits"], "unknown agent 'rabbits'; expected one of dqn"),
        (["evaluate"], "drl evaluate --help"),
        (["train", "digits", "--model", "transformer"], "transformer"),
        (
            ["evaluate", "run", "--episodes", "many"],
            "--episodes 'many' is not possible: give a whole",
        ),
        (["train", "dqn", "--lr", "fast"], "--lr 'fast' is not possible: give a number"),
        (["train", "dqn", "--hidden"], "--hidden needs a value"),
        (["train", "dqn", "--device", "cuda"], "drl: no device 'cuda' here"),
        (["train", "digits", "--device", "cuda"], "drl: no device 'cuda' here"),
        (["train", "digits", "--hidden", "big"], "--hidden 'big' is not possible"),
        (["evaluate", "run", "--seed", "-1"], "drl: --seed -1 is not possible: give 0 or more"),
        (["completion", "tcsh"], "'tcsh' is not possible: give bash, zsh or fish"),
    ],
)
def test_mistakes(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    captured = capsys.readouterr()
    assert words in captured.err and len(captured.err.splitlines()) == 1 and not captured.out


def test_anothers_package_of_the_same_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("")
    done = run("train", "dqn", cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "'agents'" in done.stderr and str(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m drl.cli.main --help | head -1", shell=True, capture_output=True
    )
    assert done.returncode == 0 and not done.stderr


def test_board_answers_and_ends(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", "board", str(tmp_path), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    address = f"http://127.0.0.1:{port}/"
    assert address in line
    assert urllib.request.urlopen(f"{address}data/runs").read() == b"[]"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and errors == ""
    time.sleep(0.1)
    with socket.socket() as probe:  # the server is gone too
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_board_needs_a_directory_and_a_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["board", str(tmp_path / "nowhere")]) == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["board", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 2
    errors = capsys.readouterr().err
    assert "no directory" in errors and "is taken" in errors


@pytest.mark.parametrize("command", ["evaluate", "resume", "watch", "compare", "board"])
def test_a_directory_without_rights_is_one_line(command: str, tmp_path: Path) -> None:
    """In a process that may not override them, as root may."""
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    bare: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root, and no setpriv")
        bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(
        [*bare, sys.executable, "-m", "drl.cli.main", command, str(locked / "run")],
        capture_output=True, text=True,
    )  # fmt: skip
    locked.chmod(0o700)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "no permission" in done.stderr and str(locked) in done.stderr
