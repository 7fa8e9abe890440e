"""What the README tells a newcomer to type really runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_agent_in_a_few_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(python_blocks()[0], "README.md", "exec"), {})
    assert float(capsys.readouterr().out) > 400  # "solved" is 475
    assert (tmp_path / "cartpole.safetensors").exists()


def test_network_alone(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    names = {
        "images": rng.random((4, 28, 28, 1), np.float32),
        "labels": np.array([1, 2, 3, 4]),
    }
    exec(compile(python_blocks()[1], "README.md", "exec"), names)
    assert "shared by all positions" in capsys.readouterr().out
    assert names["net"].ops.norm(names["net"].grads) > 0


def test_every_command_named_is_there() -> None:
    from drl.cli.main import COMMANDS

    for command in re.findall(r"^drl ((?:train )?[a-z-]+)", README, re.MULTILINE):
        assert command in COMMANDS, command


def test_every_file_named_is_there() -> None:
    named = re.findall(r"`((?:drl|agents|benchmarks|docs)/[\w/.-]+)`", README)
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path
