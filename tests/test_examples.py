"""Every example runs, in a small budget that its own argument gives, and comes to something."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# name → (argument, what its output must match, the least value of the number found there)
EXPECTED = {
    "cartpole": ("1500", r"mean return ([\d.]+)", 100),  # a random policy scores about 22
    "digits": ("3", r"([\d.]+)% of 359", 85),
    "exported_policy": (None, r"numpy alone: return (\d+)", 50),
    "logistic_regression": ("300", r"θ \[ ([\d.]+)", 0.9),
    "own_agent": ("30000", r"mean return ([\d.]+)", 195),
    "own_exploration": ("1500", r"sticky actions: best evaluation ([\d.]+)", 30),
    "own_gymnasium_env": ("4000", r"mean return (-[\d.]+)", -45),  # left alone: −57
    "own_layer": ("1500", r"best evaluation ([\d.]+)", 30),
    "own_recurrent_agent": ("8000", r"env steps: ([\d.]+) of 1", 0.95),  # without a memory: 0.5
    "own_target": ("1500", r"best evaluation ([\d.]+)", 30),
    "own_vector_env": ("2000", r"mean return (-?[\d.]+)", -3.0),
}


def test_each_is_expected() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_example(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    argument, pattern, least = EXPECTED[name]
    path = EXAMPLES / f"{name}.py"
    monkeypatch.setattr("sys.argv", [str(path), *([argument] if argument else [])])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    shown = capsys.readouterr()
    found = re.findall(pattern, shown.out)
    assert found, "its output has changed"
    assert "warning" not in shown.err  # nothing is wrong with an example, as one without `render`
    assert float(found[-1]) >= least


def test_own_derivative_is_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["own_layer.py", "600"])
    runpy.run_path(str(EXAMPLES / "own_layer.py"), run_name="__main__")
    (error,) = re.findall(r"against differences: ([\d.e+-]+)", capsys.readouterr().out)
    assert float(error) < 1e-6
