"""The board starts where it can, says why where it cannot, and leaves no server behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drl.cli import board
from drl.cli.main import main
from drl.errors import UserError


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, port)) == 0


def start(runs: Path, port: int, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "drl.cli.main", "board", str(runs), "--port", str(port), *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | env,
    )  # fmt: skip


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_every_end_ends_the_server(number: signal.Signals, tmp_path: Path) -> None:
    """Terminated, or its window closed; and a proxy for the web is not asked for this machine."""
    port, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    process = start(tmp_path, port, http_proxy=nobody, no_proxy="")
    assert f"http://127.0.0.1:{port}/" in line_of(process) and listens(port)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number and not errors
    assert not listens(port)


def test_a_server_that_dies_is_said(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    assert str(port) in line_of(process)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "TensorBoard has ended (code -9" in errors and errors.count("\n") == 1


def test_an_address_of_the_sixth_version(tmp_path: Path) -> None:
    try:
        port = free_port("::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    process = start(tmp_path, port, "--host", "::1")
    assert f"http://[::1]:{port}/" in line_of(process) and listens(port, "::1")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.communicate()


@pytest.mark.parametrize("host", ["192.0.2.1", "no host"])  # RFC 5737: nobody's address
def test_a_host_that_is_not_here(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["board", str(tmp_path), "--host", host]) == 2
    errors = capsys.readouterr().err
    assert f"cannot listen on {host}" in errors and errors.count("\n") == 1


def test_the_next_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(board, "DEFAULT_PORT", port)
        assert board._free_port("127.0.0.1") > port


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_are_none(port: int) -> None:
    with pytest.raises(UserError, match="1 to 65535"):
        board.Config(port=port)


def begun(home: Path, **jobs: str) -> Path:
    """Directories of runs, as far as the board looks into them."""
    for name, job in jobs.items():
        run = home / name.replace("__", "/").replace("_", "-")
        run.mkdir(parents=True)
        (run / "config.json").write_text(json.dumps({"settings": {"job": job}}))
    return home


def test_each_agent_alone(tmp_path: Path) -> None:
    """A pattern of its runs, and of no others', where there are several agents."""
    assert board.alone(begun(tmp_path / "one", a="dqn", b="dqn")) == {}
    home = begun(
        tmp_path / "by name", dqn_1="dqn", dqn_sweep__seed_1="dqn", ppo_1="ppo", ppo_2="ppo"
    )
    assert board.alone(home) == {"dqn": "^dqn-", "ppo": "^ppo-"}
    home = begun(
        tmp_path / "other names", a="dqn", sweep__seed_1="/x/mine.py", sweep__seed_2="/x/mine.py",
        both__one="digits", both__two="dqn",
    )  # fmt: skip
    found = board.alone(home)
    names = [p.parent.relative_to(home).as_posix() for p in home.glob("**/config.json")]
    shown = {who: sorted(n for n in names if re.match(p, n)) for who, p in found.items()}
    assert shown == {
        "dqn": ["a", "both/two"], "digits": ["both/one"], "mine": ["sweep/seed-1", "sweep/seed-2"]
    }  # fmt: skip
    (home / "a" / "config.json").write_text("{")
    assert set(board.alone(home)) == {"dqn", "digits", "mine"}


def test_the_board_tells_the_address_of_each_agent_alone(tmp_path: Path) -> None:
    home, port = begun(tmp_path / "runs", dqn_1="dqn", ppo_1="ppo"), free_port()
    process = start(home, port)
    first = f"http://127.0.0.1:{port}/#custom_scalars"
    assert first in line_of(process)
    assert line_of(process) == f"  dqn alone: {first}&regexInput=%5Edqn-\n"
    assert line_of(process) == f"  ppo alone: {first}&regexInput=%5Eppo-\n"
    process.terminate()
    process.communicate(timeout=30)
