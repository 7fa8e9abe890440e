"""A digits run from settings to files: what is written, gone on with, and refused."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trained import assert_same, latest

from drl import UserError, load_run, train
from drl.cli.main import main
from drl.experiment import checkpoint
from drl.supervised import idx, mnist
from drl.supervised.config import DigitsConfig

QUICK = DigitsConfig(model="mlp", epochs=4, hidden=(16,), log="none")


def run(directory, config=QUICK, **settings):
    """The summary."""
    made = train("digits", config=config, run=directory, seed=10, progress=False, **settings)
    return made.summary


# -- a run ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", ["logistic", "mlp", "conv"])
def test_a_run_is_a_directory_with_everything(tmp_path, model):
    summary = run(tmp_path / "run", DigitsConfig(model=model, epochs=2))
    assert summary["epochs"] == 2 and not summary["interrupted"]
    assert 0.2 < summary["test_accuracy"] < 1
    assert summary["test_mistakes"] == round((1 - summary["test_accuracy"]) * 359)
    opened = load_run(tmp_path / "run")
    assert opened.summary == summary
    assert opened.settings["model"] == model and opened.settings["epochs"] == 2
    scores = opened.score()
    assert {name: summary[name] for name in scores} == scores


def events(directory):
    """tag → steps, of everything in the run's event files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(directory), {"scalars": 0, "images": 0, "histograms": 0})
    board.Reload()
    tags = board.Tags()
    return tags, board


def test_what_tensorboard_gets(tmp_path):
    run(tmp_path, log="full")
    tags, board = events(tmp_path)
    wanted = {
        "train/cross_entropy",
        "train/accuracy",
        "classifier/learning_rate",
        "classifier/grad_norm",
    }
    wanted |= {"time/seconds", "final/mistakes"}
    assert wanted | {"test/accuracy", "test/cross_entropy"} <= set(tags["scalars"])
    assert [e.step for e in board.Scalars("test/accuracy")] == [23, 46, 69, 92]
    images = {"first_layer/filters", "report/confusion_matrix", "report/worst_mistakes"}
    assert images <= set(tags["images"])
    layers = {f"{what}/linear{n}" for what in ("weights", "gradients") for n in (0, 1)}
    assert layers <= set(tags["histograms"])
    tensors = set(tags["tensors"])
    assert {f"digit_{k}" for k in range(10)} <= tensors
    assert {"command", "config", "versions", "network"} <= tensors


def test_settings_are_found_again_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()  # the data set's name goes before a directory's
    assert run("run", epochs=1)["data"] == "digits"
    monkeypatch.chdir("/")
    opened = load_run(tmp_path / "run")
    assert opened.settings["data"] == "digits"
    assert opened.score()["test_images"] == 359


def test_scoring_leaves_the_shared_generators_as_they_were(tmp_path):
    np.random.seed(5)
    wanted = np.random.rand()
    np.random.seed(5)
    run(tmp_path / "run", epochs=1)
    load_run(tmp_path / "run").score()
    assert np.random.rand() == wanted


def test_less_is_logged_when_asked(tmp_path):
    run(tmp_path / "minimal", log="minimal")
    tags, _ = events(tmp_path / "minimal")
    assert "test/accuracy" in tags["scalars"] and not tags["images"] and not tags["histograms"]
    run(tmp_path / "none")
    assert not list((tmp_path / "none").glob("events*"))


def test_json_is_the_last_line(tmp_path, capsys):
    args = ["--epochs", "1", "--hidden", "8", "8", "--log", "none", "--run", f"{tmp_path}/r"]
    assert main(["train", "digits", *args, "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1])["parameters"] == 65 * 8 + 9 * 8 + 9 * 10
    assert main(["evaluate", f"{tmp_path}/r"]) == 0
    out = capsys.readouterr().out
    assert "test accuracy" in out and "of 359 images" in out


def test_own_data(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 10, 12), np.uint8)
        idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
        labels = np.arange(count, dtype=np.uint8) % 10
        idx.write(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    config = replace(QUICK, model="conv", data=str(tmp_path), epochs=1)
    assert run(tmp_path / "run", config)["data"] == tmp_path.name
    images[:] = 0
    (tmp_path / mnist.FILES["x_test"]).unlink()
    with pytest.raises(UserError, match="no t10k-images"):
        load_run(tmp_path / "run").score()


# -- going on -------------------------------------------------------------------------------------
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    """SIGKILL in the middle; weights, optimizer and logged curves end as if nothing had been."""
    run(tmp_path / "whole", epochs=60, log="minimal", checkpoint_every=0.0)
    killed = tmp_path / "killed"
    command = [
        *(sys.executable, "-m", "drl.cli.main", "train", "digits", "--model", "mlp"),
        *("--epochs", "60", "--hidden", "16", "--seed", "10", "--log", "minimal"),
        *("--checkpoint-every", "0", "--run", str(killed)),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 60
    while len(list(killed.glob("checkpoints/step-*[1-9]*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    max(killed.glob("checkpoints/step-*")).unlink()  # curves on disk reach beyond the one before
    assert latest(killed)["task"]["training"]["optimizer"]["steps"] < 60 * 23
    summary = load_run(killed).resume(progress=False).summary
    assert summary["epochs"] == 60
    assert_same(latest(killed), latest(tmp_path / "whole"))
    curves = []
    for directory in (killed, tmp_path / "whole"):
        _, board = events(directory)
        for tag in ("train/cross_entropy", "test/accuracy"):
            curves.append([(e.step, e.value) for e in board.Scalars(tag)])
    assert curves[:2] == curves[2:] and len(curves[0]) == 60


def test_ctrl_c_ends_with_a_checkpoint_and_the_command_that_goes_on(tmp_path):
    directory = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "drl.cli.main", "train", "digits", "--model", "conv"),
        *("--epochs", "1000", "--seed", "10", "--log", "minimal", "--run", str(directory)),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(directory.glob("checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert f"drl resume {directory}" in out and "Traceback" not in err
    steps = latest(directory)["task"]["training"]["optimizer"]["steps"]
    assert 0 < steps < 23 * 1000
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["interrupted"] and summary["updates"] == steps


def test_a_finished_run_is_not_gone_on_with(tmp_path):
    run(tmp_path)
    opened = load_run(tmp_path)
    with pytest.raises(UserError, match=r"is finished \(all 4 epochs done\)"):
        opened.resume(progress=False)
    (tmp_path / "summary.json").unlink()  # killed after the last update, before its result
    assert opened.resume(progress=False).summary["epochs"] == 4
    assert (tmp_path / "summary.json").exists()


# -- what is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"seed": -1}, "seed=-1"),
        ({"epochs": 0}, "epochs 0 is not possible"),
        ({"batch_size": -5}, "batch_size -5 is not possible"),
        ({"lr": -0.1}, "learning rate -0.1"),
        ({"hidden": (16, 0)}, "hidden layers of 16 0"),
        ({"checkpoint_every": float("nan")}, "checkpoint_every=nan"),
        ({"model": "logistic", "hidden": (8,)}, "`model=logistic`: it has no hidden layer"),
    ],
)
def test_settings_that_cannot_be(bad, words):
    with pytest.raises(UserError, match=words):
        replace(QUICK, **bad)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--data", "minst"], "did you mean mnist"),
        (["--model", "cnn"], "--model"),
        (["--device", "cuda", "--backend", "numpy"], "cpu"),
        (["--lr", "1e30", "--epochs", "9"], "diverged"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(tmp_path, capfd, args, words):
    directory = tmp_path / "run"
    assert main(["train", "digits", "--run", str(directory), "--log", "none", *args]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and words in err
    assert ("train anew with --lr below 1e+30" in err) == (words == "diverged")
    assert directory.exists() == (words == "diverged")  # nothing is made before it can go


def test_an_existing_run_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(UserError, match="exists and is not empty"):
        run(tmp_path)
    assert [p.name for p in Path(tmp_path).iterdir()] == ["precious"]


def test_checkpoint_of_another_network(tmp_path):
    run(tmp_path)
    path = max((tmp_path / "checkpoints").glob("step-*"))
    state = checkpoint.load(path)
    training = state["task"]["training"]
    training["net"] = training["net"][:-1]
    checkpoint.save(path, state)
    with pytest.raises(UserError, match="settings changed"):
        load_run(tmp_path).score()


def test_no_chart_of_the_digits_shows_a_dqn_run_beside_them(tmp_path: Path) -> None:
    """A chart of Custom Scalars draws every run of a directory that has its tags."""
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata

    dqn = ["--steps", "400", "--eval-every", "200", "--eval-episodes", "2", "--log-every", "50"]
    assert main(["train", "dqn", *dqn, "--run", str(tmp_path / "dqn")]) == 0
    run(tmp_path / "digits", log="full")
    charts, scalars = {}, {}
    for job in ("dqn", "digits"):
        tags, board = events(tmp_path / job)
        (event,) = board.Tensors(metadata.CONFIG_SUMMARY_TAG)
        layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
        charts[job] = [chart for group in layout.category for chart in group.chart]
        scalars[job] = tags["scalars"]
    for mine, other in (("dqn", "digits"), ("digits", "dqn")):
        for chart in charts[mine]:
            patterns = [*chart.multiline.tag, *(s.value for s in chart.margin.series)]
            shown = [tag for tag in scalars[other] if any(re.search(p, tag) for p in patterns)]
            assert not shown, (mine, chart.title, shown)
