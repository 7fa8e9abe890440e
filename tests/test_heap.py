"""Freed arrays are not given back to the system and cleared again at every step."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
import numpy as np
from drl.cli.heap import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    return [np.ones(200_000, np.float32) for _ in range(40)] and None  # 32 MB come and go

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they please")
def test_pages_are_cleared_once() -> None:
    assert faults("kept") < faults("default") / 20


def test_without_mallopt_nothing_happens(monkeypatch) -> None:
    from drl.cli import heap

    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    heap.keep_freed_memory()
