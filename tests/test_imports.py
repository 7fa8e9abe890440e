"""Who may import whom, read from the sources; and what must not be loaded behind one's back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("drl", "agents", "envs")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}
AUTOGRAD = ("drl.bench",)  # what we are compared with; no product code
MAY_IMPORT_AUTOGRAD = ("drl.cli.bench", "drl.cli.check_gradients", "drl.bench")


def imported(name: str) -> set[str]:
    """Modules that a file imports, anywhere in it: `from a.b import c` counts as a.b and a.b.c."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


# The rooms, from the top floor down: a file imports what is in its own room or below.
ROOMS = (
    ("drl.__main__",),
    ("drl.cli",),
    ("drl.tour", "drl.bench"),
    ("drl.api",),
    ("agents", "envs"),
    ("drl.supervised",),
    ("drl.export",),
    ("drl.experiment",),
    ("drl.log",),
    ("drl.display",),
    ("drl.nn",),
)
SMALL = len(ROOMS)  # the floor of the files right in drl/
# what is stricter than its floor; agents and envs meet in drl.environment alone
ONLY = {
    "drl.nn": ("drl.nn", "drl.errors"),
    "envs": (
        "envs", "drl.action_space", "drl.board", "drl.closing", "drl.decoding", "drl.encoding",
        "drl.environment", "drl.errors", "drl.extras", "drl.images", "drl.leaves", "drl.named",
        "drl.nearest", "drl.nn.compiled", "drl.nn.memory", "drl.observed", "drl.raised",
        "drl.state", "drl.threads",
    ),
}  # fmt: skip


def room(name):
    """Its name, and its floor."""
    for floor, rooms in enumerate(ROOMS):
        for package in rooms:
            if within(name, package):
                return package, floor
    return "drl", SMALL


@pytest.mark.parametrize("name", FILES)
def test_arrows_point_down(name):
    own, floor = room(name)
    for module in imported(name):
        if not within(module, *OURS):
            continue
        other, below = room(module)
        assert other == own or below > floor or name == "drl.__init__", f"{name} imports {module}"
        assert within(module, *ONLY.get(own, OURS)), f"{name} imports {module}"
        if within(module, *AUTOGRAD):
            assert within(name, *MAY_IMPORT_AUTOGRAD), f"{name} imports the oracle"


def test_no_circle_of_files():
    """Late imports in functions and those for types included; __init__ files only hand names on."""
    files = {name for name in FILES if not name.endswith("__init__")}
    arrows = {name: imported(name) & files - {name} for name in files}
    order: list[str] = []
    while ready := sorted(name for name in arrows if not arrows[name].difference(order)):
        order += ready
        arrows = {name: targets for name, targets in arrows.items() if name not in ready}
    assert not arrows, f"a circle among {sorted(arrows)}"


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(AUTOGRAD)])
def test_no_autograd_and_no_pickle(name):
    """No derivative but ours, and no file that runs code when it is read."""
    modules = imported(name)
    for bad in ("torch.nn", "torch.autograd", "torch.optim", "pickle", "dill", "joblib", "shelve"):
        assert not any(within(module, bad) for module in modules), f"{name} imports {bad}"
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.keyword):
            assert node.arg not in ("requires_grad", "allow_pickle"), f"{name}:{node.value.lineno}"
        if isinstance(node, ast.Attribute):
            where = f"{name}:{node.lineno}"
            assert node.attr not in ("requires_grad", "requires_grad_", "backward"), where
            owner = node.value
            is_torch = isinstance(owner, ast.Name) and owner.id == "torch"
            is_torch |= isinstance(owner, ast.Attribute) and owner.attr == "torch"
            assert not (is_torch and node.attr in ("nn", "autograd", "optim", "load")), where


def test_torch_is_imported_in_one_file_of_the_network():
    network = [name for name in FILES if within(name, "drl.nn")]
    users = {name for name in network if any(within(m, "torch") for m in imported(name))}
    assert users == {"drl.nn.ops_torch"}


@pytest.mark.parametrize(
    "broken",
    [
        ("drl.nn.layers", "import agents"),
        ("agents.dqn.agent", "from envs import make"),
        ("envs.build", "from drl.nn import MLP"),
        ("drl.supervised.data", "def f():\n    from drl.cli import main"),
        ("drl.tour.page", "from drl.cli.main import main"),
        ("drl.experiment.run", "import agents"),
        ("drl.log.table", "from drl.experiment import checkpoint"),
        ("agents.dqn.agent", "from drl.cli import oracle"),
    ],
)
def test_the_arrow_test_can_fail(broken, monkeypatch, tmp_path):
    name, source = broken
    path = tmp_path / "broken.py"
    path.write_text(source)
    monkeypatch.setitem(FILES, name, path)
    with pytest.raises(AssertionError):
        test_arrows_point_down(name)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\nx = torch.zeros(3, requires_grad=True)",
        "loss.backward()",
        "import torch\ntorch.nn.Linear(2, 2)",
        "class A:\n    def f(self):\n        self.torch.load('x')",
        "from torch import nn",
        "import pickle",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
    ],
)
def test_the_autograd_test_can_fail(source, monkeypatch, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(source)
    monkeypatch.setitem(FILES, "agents.dqn.agent", path)
    with pytest.raises(AssertionError):
        test_no_autograd_and_no_pickle("agents.dqn.agent")


def run_python(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_numpy_training_never_loads_torch():
    run_python("""
import sys
import numpy as np
import drl, agents, envs
from drl.nn import MLP
from drl.nn.losses import Huber
from drl.nn.optim import Adam, clip_norm

net = MLP(4, 2, (64, 64))
y, backward = net.forward(np.ones((8, 4)))
backward(Huber(net.ops)(y, np.zeros((8, 2)))[1])
clip_norm(net, 10)
Adam(net).step()
assert "torch" not in sys.modules
""")


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_help_loads_nothing_heavy(command):
    run_python(f"""
import contextlib, io, sys
from drl.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main([{command!r}]) == 0
heavy = {{"torch", "gymnasium", "tensorboard", "numpy", "rich", "PIL"}} & set(sys.modules)
assert not heavy, heavy
""")
