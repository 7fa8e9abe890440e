"""`drl board [RUNS]`: TensorBoard on the runs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import tyro

from drl.errors import UserError

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
    """Serve until interrupted."""
    if not config.runs.is_dir():
        raise UserError(f"no directory {config.runs}: train first, or name the directory of runs")
    port = config.port or _free_port(config.host)
    if config.port is not None and not _free(config.host, port):
        raise UserError(f"port {port} on {config.host} is taken: give another --port, or none")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "tensorboard.main", "--logdir", str(config.runs),
            "--host", config.host, "--port", str(port), "--reload_interval", "5",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,  # Ctrl-C is ours to pass on, once
    )  # fmt: skip
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    try:
        address = f"http://{config.host}:{port}/"
        _wait_until_it_answers(server, address)
        print(f"TensorBoard on {config.runs}: {address}   (Ctrl-C ends it)", flush=True)
        server.communicate()  # drains its warnings about TensorFlow, which we do not need
        return server.returncode
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_it_answers(server: subprocess.Popen[str], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            words = (server.stderr.read() if server.stderr else "").strip().splitlines()
            why = words[-1] if words else "it gave no reason"
            raise UserError(f"TensorBoard did not start: {why}")
        try:
            urllib.request.urlopen(f"{address}data/runs", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise UserError(f"TensorBoard did not answer on {address} within {START_SECONDS:.0f} s")


def _free(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _free_port(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        if _free(host, port):
            return port
    raise UserError(f"no free port on {host} from {DEFAULT_PORT} on: give one by --port")
