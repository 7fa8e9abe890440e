"""`drl.sweep` and `drl.compare`: several runs from Python, as the command has them."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_world import Walk
from trained import assert_same, latest

import drl
from drl.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore:runs the file")  # which this one has imported
QUICK: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 32, "eval_every": 100, "eval_episodes": 2,
    "checkpoint_every": 60, "log_every": 20, "log": "minimal", "progress": False, "steps": 200,
}  # fmt: skip


def test_each_run_is_the_one_that_it_would_be_alone(tmp_path: Path) -> None:
    found = drl.sweep("dqn", "CartPole-v1", seeds=[5, 2], run=tmp_path / "all", **QUICK)
    assert found.path == tmp_path / "all" and not found.failed and not found.interrupted
    assert [run.directory.name for run in found.runs] == ["seed-5", "seed-2"]
    assert all(run.finished for run in found.runs) and found.seconds > 0
    assert {row["metric"] for row in found.rows} == {"best evaluation", "last evaluation"}
    assert all(row["seeds"] == [2, 5] for row in found.rows)
    drl.train("dqn", "CartPole-v1", seed=5, run=tmp_path / "alone", **QUICK)
    assert_same(latest(tmp_path / "alone"), latest(tmp_path / "all" / "seed-5"))


@pytest.mark.parametrize("forked", [lambda: Walk(4), type("Mine", (Walk,), {})])
def test_an_environment_that_nothing_names(forked: Any, tmp_path: Path) -> None:
    """Processes are forked: it is handed through as it is."""
    found = drl.sweep("dqn", forked, seeds=2, seed=3, run=tmp_path, **QUICK)
    assert [run.settings["seed"] for run in found.runs] == [3, 4] and not found.failed
    with pytest.raises(drl.UserError, match="env="):
        found.runs[0].resume(steps=240, progress=False)
    assert found.runs[0].resume(steps=240, env=forked, progress=False).env_steps == 240
    joined = drl.sweep("dqn", forked, seeds=[9], run=tmp_path, **QUICK)
    assert joined.rows[0]["seeds"] == [3, 4, 9] and len(joined.runs) == 1


def test_arguments_wrappers_and_parts_too(tmp_path: Path) -> None:
    from agents import Parts

    parts = Parts(net=lambda shape, outputs, seed: drl.MLP(shape, outputs, (9,), seed=seed))
    found = drl.sweep(
        "dqn", Walk, seeds=2, run=tmp_path, parts=parts, env_kwargs={"size": 3}, **QUICK
    )
    assert not found.failed and found.runs[0].settings["env_kwargs"] == {"size": 3}


def test_callbacks_are_copies(tmp_path: Path) -> None:
    stop = drl.StopWithoutProgress(1)
    found = drl.sweep(
        "dqn", Walk, seeds=2, run=tmp_path, callbacks=[stop], **QUICK | {"steps": 600}
    )
    for run in found.runs:
        assert run.summary["stopped_by"] == "StopWithoutProgress"
    assert stop.best is None  # nothing has happened to ours


def test_digits(tmp_path: Path) -> None:
    short: dict[str, Any] = {"epochs": 1, "model": "logistic", "progress": False}
    found = drl.sweep("digits", seeds=2, run=tmp_path / "named", **short)
    assert found.rows[0]["metric"] == "test accuracy" and found.rows[0]["seeds"] == [1, 2]
    x, y = np.random.default_rng(0).random((100, 4, 4)), np.arange(100) % 10
    found = drl.sweep("digits", (x, y), seeds=2, run=tmp_path / "given", **short)
    assert all(run.finished for run in found.runs)


def test_a_run_that_fails_is_named(tmp_path: Path) -> None:
    class Breaks(drl.Callback):
        def on_step(self, experiment: Any, progress: Any) -> None:
            if experiment.settings["seed"] == 2:
                raise ZeroDivisionError("a bug")

    found = drl.sweep("dqn", Walk, seeds=2, run=tmp_path, callbacks=[Breaks()], **QUICK)
    assert list(found.failed) == [2] and "ZeroDivisionError: a bug" in found.failed[2]
    assert found.rows[0]["seeds"] == [1]


def test_interrupted_it_can_go_on(tmp_path: Path) -> None:
    class Ends(drl.Callback):
        def on_step(self, experiment: Any, progress: Any) -> None:
            if progress.step == 100:
                os.kill(os.getppid(), signal.SIGTERM)

    found = drl.sweep("dqn", Walk, seeds=[1], run=tmp_path, callbacks=[Ends()],
                      **QUICK | {"steps": 100_000, "log": "none"})  # fmt: skip
    assert found.interrupted and not found.failed and not found.runs[0].finished
    assert found.runs[0].summary["interrupted"]


def test_mistakes_leave_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for seeds in (0, [], [1, 1], -3):
        with pytest.raises(drl.UserError, match="seeds"):
            drl.sweep("dqn", Walk, seeds=seeds, run=run, **QUICK)
    with pytest.raises(drl.UserError, match="no setting 'lrr'"):
        drl.sweep("dqn", Walk, seeds=2, run=run, **QUICK, lrr=1)
    with pytest.raises(drl.UserError, match="0 or more"):
        drl.sweep("dqn", Walk, seeds=[-1, 2], run=run, **QUICK)
    with pytest.raises(drl.UserError, match="0 or more"):
        drl.sweep("dqn", Walk, seeds=[2, -1], run=run, **QUICK)
    one = {name: value for name, value in QUICK.items() if name != "num_envs"}
    with (
        pytest.warns(UserWarning, match="no spec"),
        pytest.raises(drl.UserError, match="cannot be made again: give a class"),
    ):
        drl.sweep("dqn", Walk(), seeds=2, run=run, **one)
    assert not run.exists()


def test_compare_is_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    found = drl.sweep("dqn", Walk, seeds=2, run=tmp_path / "one", **QUICK)
    drl.sweep("dqn", Walk, seeds=2, run=tmp_path / "two", **QUICK, lr=0.5)
    rows = drl.compare([tmp_path / "one", str(tmp_path / "two")])
    assert [row["group"].split()[-1] for row in rows[::2]] == ["lr=0.001", "lr=0.5"]
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "two"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == rows
    assert drl.compare(found) == drl.compare(found.runs) == found.rows
    with pytest.raises(drl.UserError, match="no run and no directory of runs"):
        drl.compare(tmp_path / "nowhere")
