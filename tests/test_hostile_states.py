"""Checkpoints whose checksum is right and whose numbers are not: each plain value, one after the
other, replaced by each of VALUES.  One clear line, or a run that goes on."""

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import SHORT, latest

from drl.api.plan import experiment_of
from drl.api.resume import go_on, plan_of
from drl.cli.main import main
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.experiment import Experiment
from drl.experiment.run import Run

VALUES: list[Any] = [None, True, -1, -(10**6), 3, 10**12, 10**18, 10**30, 0.5, -1e300,
                     math.nan, math.inf, "high", "", [], [1], {}]  # fmt: skip


def leaves(state: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths to whatever is no array."""
    if isinstance(state, dict):
        for name, value in state.items():
            yield from leaves(value, (*path, name))
    elif not isinstance(state, np.ndarray):
        yield path


def put(state: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.copy(state)
    changed[path[0]] = value if len(path) == 1 else put(state[path[0]], path[1:], value)
    return changed


def begun(run: Path) -> Experiment:
    """The run's experiment, as it was before its first step; it writes nothing."""
    quiet = Console(quiet=True)
    with Run.open(run) as opened:
        return experiment_of(plan_of(opened.config, quiet), None, quiet)


def loads(experiment: Experiment, state: dict[str, Any]) -> bool:
    try:
        experiment.load_state(state)
    except UserError as error:
        assert "does not fit" in str(error) and "\n" not in str(error)
        return False
    return True


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--env", "Acrobot-v1", "--prioritized", "--ez-mu", "2", "--n-step", "3"],
        ["--env", "drl/CartPolePixels-v1", "--head", "iqn", "--noisy"],
        ["--env", "MinAtar/Breakout-v1"],
    ],
    ids=["cartpole", "acrobot", "pixels", "minatar"],
)
def test_every_plain_value_of_a_dqn_with_every_wrong_one(args: list[str], tmp_path: Path) -> None:
    if any("MinAtar" in arg for arg in args):
        pytest.importorskip("minatar")
    run = tmp_path / "a"
    args = [*SHORT, "--steps", "128", "--solved-at", "None", "--hidden", "8", "--log", "none",
            "--batch-size", "8", "--buffer-size", "1000", "--num-envs", "2",
            "--eval-max-steps", "50", "--eval-envs", "1", *args]  # fmt: skip
    assert main(["train", "dqn", "--run", str(run), "--json", *args]) == 0
    state, experiment = latest(run), begun(run)
    assert set(state["callbacks"]) == {"Collapse", "Divergence"}
    del state["model"]  # not read in resuming; what it says is tested in test_sizes.py
    refused = accepted = 0
    for path in leaves(state):
        for value in VALUES:
            if not loads(experiment, put(state, path, value)):
                refused += 1
                continue
            accepted += 1
            experiment.go(experiment.step + 2 * 2)
            experiment = begun(run)
        experiment.task.close()
        experiment = begun(run)  # what could not be loaded may have been loaded in part
    assert refused > accepted


def test_every_plain_value_of_the_digits_with_every_wrong_one(tmp_path: Path) -> None:
    run = tmp_path / "a"
    short = ["--epochs", "1", "--hidden", "8", "--batch-size", "512", "--log", "none", "--json"]
    assert main(["train", "digits", "--run", str(run), *short]) == 0
    state, experiment = latest(run), begun(run)
    refused = 0
    for path in leaves(state):
        for value in VALUES:
            if not loads(experiment, put(state, path, value)):
                refused += 1
            else:
                task = experiment.task
                assert all(p.step <= task.goal for p in task.run(task.goal))  # type: ignore[attr-defined]
    assert refused > 100


ARRAYS = [
    ("task", "obs"), ("task", "lengths"), ("task", "agent", "nstep", "open"),
    ("task", "agent", "replay", "sampler", "uniform"), ("task", "recent_returns"),
    ("task", "envs", "elapsed"),
]  # fmt: skip


@pytest.mark.parametrize("path", ARRAYS, ids="/".join)
def test_arrays_that_are_none_of_ours(path: tuple[str, ...], tmp_path: Path) -> None:
    run = tmp_path / "a"
    args = [*SHORT, "--steps", "128", "--solved-at", "None", "--hidden", "8", "--log", "none"]
    assert main(["train", "dqn", "--run", str(run), "--json", *args]) == 0
    experiment, state = begun(run), latest(run)
    array: Any = state
    for name in path:
        array = array[name]
    wrong = [array[..., None], array.astype(np.float16), 3, None]
    if path[-1] != "obs":
        wrong.append(np.full_like(array, -5 if path[-1] != "recent_returns" else np.nan))
    for value in wrong:
        assert not loads(experiment, put(state, path, value))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("task", "agent", "updates"), -(10**6), "updates should be"),
        (("task", "agent", "updates"), 65, "65 updates, but the optimizer has made 64"),
        (("callbacks", "Collapse", "low"), -1, "low should be"),
        (("callbacks", "Divergence", "looks"), {}, "next is missing"),
    ],
)
def test_through_the_command(
    path: tuple[str, ...], value: Any, words: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A million updates are not made up for; nothing is written, no curve is cut."""
    run = tmp_path / "a"
    args = [*SHORT, "--steps", "128", "--solved-at", "None", "--hidden", "8"]
    assert main(["train", "dqn", "--run", str(run), "--json", *args]) == 0
    newest = sorted(run.glob("checkpoints/step-*"))[-1]
    checkpoint.save(newest, put(latest(run), path, value))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["resume", str(run), "--steps", "256"]) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_summary_that_was_changed(tmp_path: Path) -> None:
    run = tmp_path / "a"
    args = [*SHORT, "--steps", "128", "--solved-at", "None", "--hidden", "8", "--log", "none"]
    assert main(["train", "dqn", "--run", str(run), "--json", *args]) == 0
    summary = json.loads((run / "summary.json").read_text())
    for value in [value for value in VALUES if value not in (10**12, 10**18)]:
        changed = summary | {"interrupted": True, "steps": value}
        (run / "summary.json").write_text(json.dumps(changed))
        with Run.open(run, write=True) as opened:
            try:
                go_on(opened, Console(quiet=True))
            except UserError as error:
                assert "\n" not in str(error)
            else:
                assert type(value) is int and 1 <= value <= 10**18
