"""`drl verify`: a run is trained again, and every byte compared."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_world import Unrepeatable, Walk

import drl
from drl.cli.main import main
from drl.experiment import checkpoint
from drl.log.table import CHECKSUM, NAME, read_rows

pytestmark = pytest.mark.filterwarnings("ignore:runs the file")  # which this one has imported
QUICK: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 32, "eval_every": 100, "eval_episodes": 2,
    "checkpoint_every": 60, "log_every": 20, "log": "minimal", "progress": False,
}  # fmt: skip


def trained(
    run: Path, env: Any = "CartPole-v1", steps: int = 200, **settings: Any
) -> drl.LoadedRun:
    drl.train("dqn", env, run=run, steps=steps, **QUICK | settings)
    return drl.load_run(run)


def everything(run: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def change(run: Path, edit: Callable[[Any], None]) -> None:
    """The newest checkpoint says something else, and is whole."""
    newest = sorted((run / "checkpoints").glob("step-*"))[-1]
    state = checkpoint.load(newest)
    edit(state["task"])
    checkpoint.save(newest, state)


@pytest.mark.parametrize("start", ["start", "checkpoint"])
def test_what_is_as_it_was_is_the_same(start: Any, tmp_path: Path) -> None:
    run = trained(tmp_path)
    before = everything(tmp_path)
    found = run.verify(start)
    assert found.same and found.step == 200 and found.first_difference is None
    assert found.where == "" and found.versions == {}
    assert everything(tmp_path) == before  # nothing of the run is touched


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path)
    assert main(["verify", str(tmp_path)]) == 0
    assert f"{tmp_path}: every byte is the same after 200 env steps" in capsys.readouterr().out
    assert main(["verify", str(tmp_path), "--from", "checkpoint", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True

    change(tmp_path, lambda task: task["recent_returns"].__setitem__(0, 7.5))
    assert main(["verify", str(tmp_path)]) == 1
    assert "recent_returns differs after 200 env steps" in capsys.readouterr().out


def test_the_logged_step_of_the_first_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From there on nothing can be the same: the second training ends."""
    run = trained(tmp_path)
    rows = read_rows(tmp_path / NAME)
    step, crc = rows[4]["step"], rows[4][CHECKSUM]
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text.replace(crc, str(int(crc) ^ 1)))
    found = run.verify()
    assert not found.same and found.first_difference == int(step) == found.step
    assert main(["verify", str(tmp_path)]) == 1
    assert f"the parameters differ, first seen at env step {step}" in capsys.readouterr().out


def test_a_weight_that_has_changed(tmp_path: Path) -> None:
    run = trained(tmp_path)

    def edit(task: Any) -> None:
        task["agent"]["net"][3] = np.nextafter(task["agent"]["net"][3], np.float32(9))

    change(tmp_path, edit)
    found = run.verify()
    assert not found.same and found.where == "agent/net" and found.first_difference is None


def test_other_versions_are_named_beside_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path)
    document = json.loads((tmp_path / "config.json").read_text())
    document["versions"]["numpy"] = "0.1"
    (tmp_path / "config.json").write_text(json.dumps(document))
    change(tmp_path, lambda task: task.update(episodes=1))
    assert main(["verify", str(tmp_path)]) == 1
    assert f"it was trained with numpy 0.1 (here {np.__version__})" in capsys.readouterr().out


def test_a_run_that_was_resumed_is_what_it_would_be_alone(tmp_path: Path) -> None:
    run = trained(tmp_path, Walk, callbacks=[drl.StopAtReturn(-1)])
    assert run.summary["stopped_by"] == "StopAtReturn" and run.verify().same
    assert run.resume(steps=200, progress=False).env_steps == 200
    assert run.verify().same and run.verify("checkpoint").same


def test_a_run_that_was_interrupted_in_an_evaluation(tmp_path: Path) -> None:
    """Its last checkpoint is from before it."""

    class Ends(drl.Callback):
        def on_step(self, experiment: Any, progress: Any) -> None:
            if progress.step == 100:  # where one is due
                os.kill(os.getpid(), signal.SIGTERM)

    run = trained(tmp_path, callbacks=[Ends()])
    assert run.summary["interrupted"] and run.summary["best_mean_reward"] is None
    assert run.verify().same and run.verify("checkpoint").same
    assert run.resume(progress=False).env_steps == 200
    assert run.verify().same and run.verify("checkpoint").same


def test_a_run_that_was_solved_and_trained_on(tmp_path: Path) -> None:
    run = trained(tmp_path, solved_at=1.0)
    assert run.summary["solved"] and run.summary["env_steps"] == 100
    run.resume(steps=240, progress=False)
    assert run.summary["env_steps"] == 200 and run.verify().same  # solved again
    assert run.verify("checkpoint").same


def test_digits(tmp_path: Path) -> None:
    drl.train(
        "digits", run=tmp_path, epochs=3, model="logistic", checkpoint_every=0, progress=False
    )
    run = drl.load_run(tmp_path)
    assert run.verify().same and run.verify("checkpoint").same
    change(tmp_path, lambda task: task["training"]["net"].__setitem__(0, 1))
    assert run.verify().where == "training/net"


def test_digits_stopped_within_an_epoch(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((3_000, 4, 4)), np.arange(3_000) % 10
    stop = drl.Every(60, lambda experiment: False)
    drl.train(
        "digits", (x, y), run=tmp_path, model="logistic", epochs=3, batch_size=32, progress=False,
        callbacks=[stop],
    )  # fmt: skip
    run = drl.load_run(tmp_path)
    with pytest.raises(drl.UserError, match="arrays of your own"):
        run.verify()
    assert run.verify(data=(x, y)).same


def test_an_environment_that_nothing_names_is_given_again(tmp_path: Path) -> None:
    run = trained(tmp_path, lambda: Walk(4))
    with pytest.raises(drl.UserError, match="env="):
        run.verify()
    assert run.verify(env=lambda: Walk(4)).same
    assert not run.verify(env=lambda: Walk(3)).same


def test_an_environment_that_does_not_repeat_itself_is_found_out(tmp_path: Path) -> None:
    with pytest.warns(drl.TrainingWarning, match="Unrepeatable does not repeat itself"):
        assert not trained(tmp_path, Unrepeatable).verify().same


def test_episodes_that_would_begin_anew_are_not_compared(tmp_path: Path) -> None:
    """Without its state a run from a checkpoint is another one: said, and not called a fault."""
    run = trained(tmp_path)
    first = sorted((tmp_path / "checkpoints").glob("step-*"))[0]
    state = checkpoint.load(first)
    state["task"]["envs"] = None
    checkpoint.save(first, state)
    with pytest.raises(drl.UserError, match="its episodes begin anew: verify it from its start"):
        run.verify("checkpoint")
    assert run.verify().same


def test_what_cannot_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path / "run")
    newest = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1]

    def said(directory: Path, *args: str) -> str:
        assert main(["verify", str(directory), *args]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        return error

    assert "no such directory" in said(tmp_path / "nope")
    with pytest.raises(drl.UserError, match="'start' or 'checkpoint'"):
        run.verify("end")  # type: ignore[arg-type]
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-9])
    assert "is damaged" in said(tmp_path / "run")
    newest.write_bytes(whole)
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere")
    config = tmp_path / "elsewhere" / "config.json"
    config.write_text(config.read_text().replace('"device": "cpu"', '"device": "tpu"'))
    assert "tpu" in said(tmp_path / "elsewhere")
    for path in sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[:-1]:
        path.unlink()
    assert "has but one checkpoint" in said(tmp_path / "run", "--from", "checkpoint")
    newest.unlink()
    assert "has no checkpoint to compare with" in said(tmp_path / "run")


def test_settings_that_were_changed(tmp_path: Path) -> None:
    run = trained(tmp_path)
    run.resume(steps=260, lr=1e-4, progress=False)
    with pytest.raises(drl.UserError, match="changed at step 200"):
        run.verify()
    assert run.verify("checkpoint").same
    run.resume(steps=320, lr=1e-5, progress=False)
    with pytest.raises(drl.UserError, match="changed at step 260"):
        run.verify()
    assert run.verify("checkpoint").same


def test_interrupted_it_says_nothing_of_the_run(tmp_path: Path) -> None:
    """What was compared until then would be no verdict."""
    rare = {"eval_every": 6_000, "checkpoint_every": 6_000, "updates_per_step": 0.1}
    trained(tmp_path / "run", steps=12_000, **rare)
    command = [sys.executable, "-m", "drl", "verify", str(tmp_path / "run")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    while not list(tmp_path.glob("*/again/checkpoints/step-*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in err and "differ" not in out
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # nothing is left behind
