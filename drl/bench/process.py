"""Commands as a user types them: each a process of its own, on one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from drl.threads import VARIABLES

THREADS = dict.fromkeys(VARIABLES, "1")


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "drl", *args]


def drl(*args: str) -> dict[str, Any]:
    """The command's result."""
    result: dict[str, Any] = json.loads(output(*args, "--json").splitlines()[-1])
    return result


def seconds(*args: str) -> float:
    """From the command to its end, Python's start included."""
    start = time.perf_counter()
    output(*args)
    return time.perf_counter() - start


def output(*args: str) -> str:
    """What it prints; what it says of its progress is shown only where it fails."""
    done = subprocess.run(command(*args), env=os.environ | THREADS, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return done.stdout
