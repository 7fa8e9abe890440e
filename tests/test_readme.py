"""What the README tells a newcomer to type really runs."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


MY_ENV = """
import gymnasium as gym
import numpy as np

class MyEnv(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.seen = 0, self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.seen, {}

    def step(self, action):
        paid, self.t = float(action == (self.seen[0] > 0)), self.t + 1
        self.seen = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.seen, paid, False, self.t == 20, {}
"""


def test_an_environment_of_ones_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Trained with curves, and on from there, in five lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_env.py").write_text(MY_ENV)
    names: dict[str, Any] = {"obs": np.array([0.9, 0.0], np.float32)}
    try:
        exec(compile(python_blocks()[0], "README.md", "exec"), names)
    finally:
        sys.modules.pop("my_env", None)
    assert names["action"] == 1 and names["result"].env_steps == 4_000
    assert list((tmp_path / "runs" / "mine").glob("events.*"))
    assert len([line for line in python_blocks()[0].splitlines() if line.strip()]) == 5


def test_agent_in_a_few_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(python_blocks()[1], "README.md", "exec"), {})
    assert float(capsys.readouterr().out.splitlines()[-1]) > 400  # "solved" is 475
    assert (tmp_path / "cartpole.safetensors").exists() and (tmp_path / "cartpole.npz").exists()


def test_network_alone(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    names = {
        "images": rng.random((4, 28, 28, 1), np.float32),
        "labels": np.array([1, 2, 3, 4]),
    }
    exec(compile(python_blocks()[2], "README.md", "exec"), names)
    assert "shared by all positions" in capsys.readouterr().out
    assert names["net"].ops.norm(names["net"].grads) > 0


def test_every_command_named_is_there() -> None:
    from drl.cli.main import COMMANDS

    for command in re.findall(r"^drl ((?:train )?[\w.-]+)", README, re.MULTILINE):
        assert command in COMMANDS or command == "train my_agent.py", command


def test_every_file_named_is_there() -> None:
    named = re.findall(r"`((?:drl|agents|benchmarks|docs)/[\w/.-]+)`", README)
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path
