"""Sizes beyond this machine's memory: one line before any is taken, wherever they come from."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from one_line import refused
from test_hostile_states import put
from trained import train

from agents import DQN
from drl import load_policy
from drl import train as learn
from drl.errors import UserError, out_of_memory
from drl.experiment import checkpoint
from drl.nn import MLP, memory
from envs import make

HUGE = [
    ("--hidden", "100000", "100000"), ("--num-envs", "1000000000"),
    ("--buffer-size", "10000000000000", "--steps", "10000000000000"),
    ("--batch-size", "100000000000", "--buffer-size", "100000000000"), ("--n-step", "100000000000"),
    ("--head", "qr", "--quantiles", "1000000000"), ("--head", "c51", "--atoms", "1000000000"),
    ("--head", "iqn", "--iqn-samples", "100000000000"), ("--seeds", "1000000000"),
    ("--backend", "torch", "--hidden", "100000", "100000"), ("--seed", "1" + "0" * 30),
    ("--steps", "1" + "0" * 400),
]  # fmt: skip


@pytest.fixture
def ceiling() -> Any:
    """What is allocated in spite of all ends in a MemoryError, not in a machine that hangs."""
    import torch  # noqa: F401

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**33, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("flags", HUGE, ids=lambda flags: " ".join(flags)[:40])
def test_flags(
    flags: tuple[str, ...], ceiling: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, "train", "dqn", "--run", str(tmp_path / "a"), *flags)
    assert not (tmp_path / "a").exists()


def test_flags_of_the_digits(
    ceiling: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["train", "digits", "--run", str(tmp_path / "a")]
    for backend in ("numpy", "torch"):
        assert "GiB" in refused(capsys, *args, "--hidden", "99999", "99999", "--backend", backend)
    refused(capsys, *args, "--seeds", "1000000000")


def test_a_config(ceiling: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "a"
    train(run, "--steps", "128", "--hidden", "8", "--log", "none", "--solved-at", "None")
    whole = json.loads((run / "config.json").read_text())
    for name, value in (("num_envs", 10**10), ("hidden", [10**5, 10**5]),
                        ("batch_size", 10**15),
                        ("n_step", 10**12), ("steps", 10**400)):  # fmt: skip
        document = whole | {"settings": whole["settings"] | {name: value}}
        (run / "config.json").write_text(json.dumps(document))
        refused(capsys, "resume", str(run), "--steps", "256")
        if name == "hidden":
            for command in (["evaluate"], ["export", "--format", "npz", "--out", "x.npz"]):
                refused(capsys, command[0], str(run), *command[1:])


def test_a_policy_file(ceiling: None, tmp_path: Path) -> None:
    small: dict[str, Any] = {
        "num_envs": 4,
        "hidden": (4,),
        "learning_starts": 32,
        "eval_episodes": 1,
    }
    learn("dqn", "CartPole-v1", steps=64, progress=False, **small).policy.save(tmp_path / "p")
    state = checkpoint.load(tmp_path / "p")
    shape, count = ("policy", "observation_space", "shape"), ("policy", "action_space", "n")
    every = [
        (("policy", "settings", "hidden"), [10**5, 10**5]), (("policy", "own_net"), 1),
        (("policy", "settings"), None), (("policy", "agent"), "nobody"), (("policy", "agent"), 3),
        (("policy",), []), (("net",), 3),
    ]  # fmt: skip
    present = [
        (shape, [10**10]), (shape, [4.5]), (shape, [-4]), (shape, 4), (count, 10**12),
        (count, True), (("policy", "action_space", "start"), "first"),
        (("policy", "observation_space", "dtype"), "thing"),
        (("policy", "observation_space", "kind"), "Ball"), (("policy", "action_space"), None),
        (("policy", "observation_space"), state["policy"]["action_space"]),
    ]  # fmt: skip
    for path, value in every + present:
        is_refused(put(state, path, value), tmp_path / "q")

    # of format 3: sizes in place of spaces
    sizes = {"shape": [4], "observation_dtype": "float32", "actions": 2}
    spaces = ("agent", "env", "observation_space", "action_space")
    before = {name: value for name, value in state["policy"].items() if name not in spaces}
    state = state | {"policy": before | sizes}
    checkpoint.save(tmp_path / "q", state)
    assert load_policy(tmp_path / "q").shape == (4,)
    past: list[tuple[tuple[str, ...], Any]] = [
        (("policy", "shape"), [10**10]), (("policy", "actions"), 10**12),
        (("policy", "shape"), [4.5]), (("policy", "shape"), [-4]), (("policy", "actions"), True),
        (("policy", "shape"), 4), (("policy", "observation_dtype"), "thing"),
    ]  # fmt: skip
    for path, value in past:
        is_refused(put(state, path, value), tmp_path / "q")


def is_refused(state: dict[str, Any], path: Path) -> None:
    checkpoint.save(path, state)
    expected = (
        "holds no policy that fits|settings|not possible|is no space|is no agent|unknown agent"
    )
    with pytest.raises(UserError, match=expected) as error:
        load_policy(path)
    assert "\n" not in str(error.value)


def test_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "physical_memory", lambda: 1e6)
    MLP(254, 2, hidden=(250,), backend="numpy")
    with pytest.raises(MemoryError, match="128,502 parameters"):
        MLP(254, 2, hidden=(500,), backend="numpy")
    for call in (
        lambda: make("CartPole-v1", num_envs=100, seed=1),
        lambda: learn("dqn", "CartPole-v1", num_envs=100),
        lambda: learn("dqn", "CartPole-v1", hidden=(300, 300)),
    ):
        with pytest.raises(UserError, match="this machine has"):
            call()


def test_a_container_has_less_than_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "LIMITS", (str(limit), str(tmp_path / "none")))
    whole = memory.physical_memory()
    for text, expected in (("max\n", whole), ("1048576\n", 2**20), ("", whole)):
        limit.write_text(text)
        assert memory.physical_memory() == expected


@pytest.mark.parametrize("message", ["CUDA out of memory", "can't allocate memory: you tried"])
@pytest.mark.parametrize("where", ["at the start", "in training"])
def test_torch_out_of_memory_is_one_line(
    where: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from agents import dqn

    def fail(*args: Any) -> None:
        raise RuntimeError(message)

    place = (dqn, "build") if where == "at the start" else (DQN, "learn")
    monkeypatch.setattr(*place, fail)
    text = refused(capsys, "train", "dqn", "--run", str(tmp_path / "a"), "--steps", "2000")
    assert "memory" in text
    if where == "in training":
        assert "the last good checkpoint is" in text


def test_another_error_of_torch_is_no_lack_of_memory() -> None:
    assert out_of_memory(MemoryError()) and not out_of_memory(RuntimeError("shapes differ"))


def test_a_real_limit(tmp_path: Path) -> None:
    """The operating system refuses: what torch says of it becomes one line."""
    program = (
        "import resource, sys, torch; from drl.cli.main import main;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, -1));"
        "sys.exit(main(sys.argv[1:]))"
    )
    args = ["train", "dqn", "--backend", "torch", "--hidden", "8000", "8000", "--run", "a"]
    done = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "no room for" in done.stderr and not (tmp_path / "a").exists()
