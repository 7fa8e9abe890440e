"""`drl board [RUNS]`: TensorBoard on the runs."""

from __future__ import annotations

import errno
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import tyro

from drl.display.commands import command
from drl.errors import UserError
from drl.extras import require
from drl.files import read_json, utf8_name
from drl.tables import label

DEFAULT_PORT = 6006
START_SECONDS = 60.0


@dataclass(frozen=True)
class Config:
    """Show the curves: starts TensorBoard and prints its address.  Ctrl-C ends it."""

    runs: tyro.conf.Positional[Path] = Path("runs")
    """Directory with runs below it, or one run."""
    port: int | None = None
    """TCP port; none: 6006, or the next free one."""
    host: str = "127.0.0.1"
    """Address to listen on; the default is reached from this machine alone."""

    def __post_init__(self) -> None:
        if self.port is not None and not 0 < self.port < 65536:
            raise UserError(f"--port {self.port} is not possible: give 1 to 65535")


def run(config: Config) -> int:
    """Serve until interrupted.  UserError if there is nothing to show or no place to show it."""
    if not config.runs.is_dir():
        raise UserError(f"no directory {config.runs}: train first, or name the directory of runs")
    require(command("board"), "tensorboard")
    if config.port is not None and not _free(config.host, config.port):
        raise UserError(
            f"port {config.port} on {config.host} is taken: give another --port, or none"
        )
    port = config.port or _free_port(config.host)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed window must not leave a server behind
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    # the file: what it says on TensorFlow, which we do not need; and on failure
    with tempfile.TemporaryFile() as words, utf8_name(config.runs) as name:
        server = subprocess.Popen(
            [
                sys.executable, "-m", "tensorboard.main", "--logdir", name,
                "--host", config.host, "--port", str(port), "--reload_interval", "5",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words,
            start_new_session=True,  # Ctrl-C is ours to pass on, once
        )  # fmt: skip
        try:
            address = f"http://{f'[{config.host}]' if ':' in config.host else config.host}:{port}/"
            _wait_until_it_answers(server, address, words)
            first = f"{address}#custom_scalars"  # the tab that tells a run's story
            print(f"TensorBoard on {config.runs}: {first}   (Ctrl-C ends it)", flush=True)
            for who, pattern in alone(config.runs).items():
                print(
                    f"  {who} alone: {first}&regexInput={quote(pattern, errors='replace')}",
                    flush=True,
                )
            code = server.wait()
            raise UserError(f"TensorBoard has ended (code {code}; {_last(words)}): start it again")
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def alone(runs: Path) -> dict[str, str]:
    """Agent or classifier → a pattern of the names that its runs have in TensorBoard and no others;
    empty where there is but one, whose story needs no choice."""
    found: dict[str, set[str]] = {}
    for path in runs.glob("**/config.json"):
        with suppress(UserError, KeyError, TypeError, AttributeError):  # damaged, or no run's
            who = label(read_json(path)["settings"]["job"])
            found.setdefault(who, set()).add(path.parent.relative_to(runs).as_posix())
    if len(found) < 2:
        return {}
    names = {who: sorted(its) for who, its in sorted(found.items())}
    return {
        who: _pattern(who, its, [n for other in names if other != who for n in names[other]])
        for who, its in names.items()
    }


def _pattern(who: str, its: list[str], others: list[str]) -> str:
    """Of an agent's runs: the shortest of those that fit."""
    tops = sorted({name.partition("/")[0] for name in its})
    either = f"({'|'.join(map(re.escape, tops))})"
    for pattern in (f"^{re.escape(who)}-", f"^{either}(/|$)"):
        if all(re.match(pattern, n) for n in its) and not any(re.match(pattern, n) for n in others):
            return pattern
    return f"^({'|'.join(map(re.escape, its))})$"


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str, words: IO[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine, no proxy
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise UserError(f"TensorBoard did not start ({_last(words)}): is it installed whole?")
        try:
            direct.open(f"{address}data/runs", timeout=2).close()
            return
        except OSError:  # URLError is one
            time.sleep(0.1)
    raise UserError(
        f"TensorBoard did not answer on {address} within {START_SECONDS:.0f} s: try another --port"
    )


def _last(words: IO[bytes]) -> str:
    """The last line that the server wrote on standard error."""
    words.seek(0)
    lines = words.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it gave no reason"


def _free(host: str, port: int) -> bool:
    """Whether nobody listens there.  UserError if this machine cannot listen there at all."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
        return True
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise UserError(
            f"cannot listen on {host}, port {port} ({error.strerror}): give an address of this "
            "machine as --host, and a --port above 1023"
        ) from error


def _free_port(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        if _free(host, port):
            return port
    raise UserError(f"no free port on {host} from {DEFAULT_PORT} on: give one by --port")
