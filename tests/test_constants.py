"""Caches are bounded: of constant arrays, and of functions."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drl.nn import constants
from drl.nn.constants import Constants
from drl.nn.ops import make_ops

ROOT = Path(__file__).resolve().parents[1]

# functions that keep an answer for each argument, and why those are few
FEW = {
    "compiled": "the loops of this project",
    "load": "two precisions",
    "_shared_ops": "libraries, precisions and devices that are there",
    "_say_unlocked": "reasons that a system has",
    "_frame": "the planes and titles of heatmap.py",
    "split": "the tour's own seeds",
    "trained": "the tour's own networks",
}


def test_constants_are_made_once_and_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def ones(n: int) -> np.ndarray:
        made.append(n)
        return np.ones(n)

    kept = Constants(ones)
    assert kept[3] is kept[3] and made == [3]
    with pytest.raises(ValueError, match="read-only"):
        kept[3][0] = 2
    monkeypatch.setattr(constants, "MOST_BYTES", 8 * 100)
    assert len(kept[1000]) == 1000 and 1000 not in kept  # too large to keep
    for n in (50, 40, 7):  # 3 + 50 + 40 + 7 fill it
        assert len(kept[n]) == n
    assert set(kept) == {3, 50, 40, 7}
    assert len(kept[1]) == 1 and set(kept) == {1}
    monkeypatch.setattr(constants, "MOST", 4)
    for n in range(2, 6):
        assert len(kept[n]) == n
    assert set(kept) == {5}


def test_operations_give_no_constant_away() -> None:
    ops = make_ops("numpy")
    x = np.array([[-1.0, 2.0]], np.float32)
    assert ops.relu(x).flags.writeable and ops.scatter(np.array([1]), x[0, :1], 2).flags.writeable


MEMORY = """
import sys, numpy as np
from drl.nn import MLP, MSE

net = MLP(8, 4, (256, 256), backend=sys.argv[1])
loss, x, t = MSE(net.ops), np.zeros((2000, 8), np.float32), np.zeros((2000, 4), np.float32)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

def learn(batch):
    y, backward = net.forward(x[:batch])
    backward(loss(y, t[:batch])[1])

learn(2000)
first = resident()
for batch in range(1, 2000, 5):
    learn(batch)
print(resident() - first)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_memory_does_not_grow_with_every_new_batch_size(library: str) -> None:
    """Kept by shape, the zeros alone were 400 MB here."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, library], capture_output=True, text=True, check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert float(done.stdout) < 200  # MiB: the bound, and what the heap keeps


def test_no_function_keeps_answers_without_bound() -> None:
    """functools.cache only without arguments, or where `FEW` says why they are few."""
    found = set()
    for package in ("drl", "agents", "envs"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and (node.args.args or node.args.vararg):
                    words = {ast.unparse(decorator) for decorator in node.decorator_list}
                    if words & {"cache", "functools.cache", "lru_cache(None)"}:
                        found.add(node.name)
    assert found == set(FEW)
