"""Runs from another machine, or from another person: devices that are not here, modules that an
environment's id names."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from trained import train

from drl.cli.main import main
from drl.nn import ops

STRANGE = """
import gymnasium as gym
import numpy as np
from pathlib import Path

with open(Path(__file__).with_name("imported"), "a") as file:
    file.write("once\\n")


class Strange(gym.Env):
    metadata = {"render_modes": ["rgb_array"]}
    observation_space = gym.spaces.Box(-1, 1, (SHAPE,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(SHAPE, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(SHAPE, np.float32), 1.0, self.t == 5, False, {}

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


gym.register("Strange-v0", entry_point=Strange)
"""


def strange_run(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of an environment that the module strange_envs registers, which is forgotten again."""
    interrupt_episodes()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files of one second and one size
    (directory / "strange_envs.py").write_text(STRANGE.replace("SHAPE", "3"))
    monkeypatch.syspath_prepend(str(directory))
    run = directory / "a"
    args = ["--steps", "128", "--eval-every", "64", "--hidden", "8", "--log", "none"]
    train(run, "--env", "strange_envs:Strange-v0", *args)
    interrupt_episodes()
    (directory / "imported").unlink()
    return run


def interrupt_episodes() -> None:
    import gymnasium as gym

    sys.modules.pop("strange_envs", None)
    gym.registry.pop("Strange-v0", None)


def test_export_imports_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = strange_run(tmp_path, monkeypatch)
    for policy in ("best", "last"):
        out = str(tmp_path / f"{policy}.npz")
        args = ["--format", "npz", "--policy", policy, "--out", out]
        assert main(["export", str(run), *args]) == 0
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    "command", [["evaluate", "--episodes", "2"], ["watch"], ["resume", "--steps", "192"]]
)
def test_a_module_that_is_imported_is_said_before(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = strange_run(tmp_path, monkeypatch)
    capsys.readouterr()
    (tmp_path / "strange_envs.py").write_text("raise RuntimeError('never')")
    assert main([command[0], str(run), *command[1:]]) == 2
    first, *_ = capsys.readouterr().err.splitlines()
    file = tmp_path / "strange_envs.py"
    assert f"runs the file {file}" in first and f"{file}:Strange-v0" in first

    (tmp_path / "strange_envs.py").write_text(STRANGE.replace("SHAPE", "3"))
    interrupt_episodes()
    assert main([command[0], str(run), *command[1:]]) == 0
    interrupt_episodes()


@pytest.mark.parametrize("command", [["evaluate"], ["watch"]])
def test_an_environment_that_has_changed_since(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = strange_run(tmp_path, monkeypatch)
    (tmp_path / "strange_envs.py").write_text(STRANGE.replace("SHAPE", "4"))
    capsys.readouterr()
    assert main([command[0], str(run), *command[1:]]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "for Box(-1 … 1, (3,), float32)" in said and "for Box(-1 … 1, (4,), float32)" in said
    interrupt_episodes()


def moved_to_a_machine_without_a_gpu(run: Path) -> None:
    document = json.loads((run / "config.json").read_text())
    document["settings"] |= {"device": "cuda", "backend": "auto"}
    (run / "config.json").write_text(json.dumps(document))


@pytest.fixture(params=["dqn", "digits"])
def trained_on_cuda(
    request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Path]:
    import torch

    run = tmp_path / "a"
    if request.param == "dqn":
        train(run, "--steps", "256", "--hidden", "8", "--log", "none", "--solved-at", "None")
    else:
        short = ["--epochs", "1", "--hidden", "8", "--log", "none", "--json"]
        assert main(["train", "digits", "--run", str(run), *short]) == 0
    moved_to_a_machine_without_a_gpu(run)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return request.param, run


def test_a_device_that_is_not_here(
    trained_on_cuda: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Scoring, drawing and exporting go on on the processor, and say so."""
    job, run = trained_on_cuda
    before = (run / "config.json").read_bytes()
    commands = [["evaluate"], ["export", "--format", "npz", "--out", str(run / "x.npz")]]
    for command in commands + [["watch"]] * (job == "dqn"):
        capsys.readouterr()
        assert main([command[0], str(run), *command[1:]]) == 0
        said = capsys.readouterr().err
        assert said.count("trained on cuda, which is not here: computed on the processor") == 1
    assert (run / "config.json").read_bytes() == before


def test_training_goes_on_on_the_processor_only_if_asked(
    trained_on_cuda: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    job, run = trained_on_cuda
    more = ["--steps", "512"] if job == "dqn" else []
    capsys.readouterr()
    assert main(["resume", str(run), *more]) == 2
    said = capsys.readouterr().err
    assert "not here" in said and f"drl resume {run} --device cpu" in said
    assert len(said.splitlines()) == 1
    if job == "dqn":
        assert main(["resume", str(run), *more, "--device", "cpu", "--json"]) == 0
    else:
        (run / "summary.json").unlink()  # as if killed before its result
        assert main(["resume", str(run), "--device", "cpu", "--json"]) == 0


@pytest.mark.parametrize(
    ("device", "here"),
    [("cpu", True), ("cuda", True), ("cuda:1", True), ("cuda:2", False)],
)
def test_devices_by_their_number(device: str, here: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert ops.has_device(device) == here


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:²", "cudax", ""])
def test_what_is_no_name_of_a_device(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="unknown device"):
        ops.has_device(device)
    assert main(["train", "dqn", "--device", device]) == 2
    said = capsys.readouterr().err
    assert "unknown device" in said and len(said.splitlines()) == 1
