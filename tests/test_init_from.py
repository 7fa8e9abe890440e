"""`--init-from`: a training that begins with the weights of another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_world import Walk
from trained import SHORT, train

import drl
from agents import Parts
from drl.cli.main import main
from drl.experiment import checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:runs the file")  # which this one has imported
QUICK: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 32, "eval_every": 100, "eval_episodes": 2,
    "checkpoint_every": 60, "log_every": 20, "log": "minimal", "progress": False,
}  # fmt: skip
LATE = {"learning_starts": 10_000}  # no update: the weights stay as they began


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("init") / "source"
    drl.train("dqn", "CartPole-v1", run=run, steps=200, seed=7, **QUICK)
    return run


def best(run: Path) -> np.ndarray:
    found: np.ndarray = checkpoint.load(run / "checkpoints" / "best.safetensors")["net"]
    return found


@pytest.mark.filterwarnings("ignore:nothing will be learnt")
def test_it_begins_with_a_runs_best_policy_online_and_target(source: Path) -> None:
    begun = drl.train("dqn", "CartPole-v1", init_from=source, steps=8, **QUICK | LATE)
    assert (begun.net.params == best(source)).all()
    assert (begun.agent.target_net.params == best(source)).all()
    assert begun.agent.updates == 0 and begun.agent.optimizer.steps == 0  # nothing else of it


@pytest.mark.filterwarnings("ignore:nothing will be learnt")
def test_or_with_a_policys_file(source: Path, tmp_path: Path) -> None:
    drl.load_run(source).policy("last").save(tmp_path / "policy.safetensors")
    kept = checkpoint.load(tmp_path / "policy.safetensors")["net"]
    begun = drl.train(
        "dqn", "CartPole-v1", init_from=tmp_path / "policy.safetensors", steps=8, **QUICK | LATE
    )
    assert (begun.net.params == kept).all()


def test_the_command_with_other_settings_and_seeds(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, args = tmp_path / "runs", ["--init-from", str(source), "--steps", "128", "--lr", "1e-5"]
    train(runs, *args, "--seeds", "2", "--learning-starts", "10000")
    for seed in ("seed-1", "seed-2"):
        net = checkpoint.load(sorted((runs / seed / "checkpoints").glob("step-*"))[-1])
        assert (net["task"]["agent"]["net"] == best(source)).all()
        settings = json.loads((runs / seed / "config.json").read_text())["settings"]
        assert settings["init_from"] == str(source.resolve()) and settings["lr"] == 1e-5


def test_from_its_start_again_it_begins_with_the_same(source: Path, tmp_path: Path) -> None:
    """Stopped before the first checkpoint, or verified; never with others than the first time."""
    copy = tmp_path / "copy.safetensors"
    drl.load_run(source).policy().save(copy)
    drl.train("dqn", "CartPole-v1", run=tmp_path / "run", init_from=copy, steps=200, **QUICK)
    run = drl.load_run(tmp_path / "run")
    assert run.verify().same
    drl.load_run(source).policy("last").save(copy)
    assert (checkpoint.load(copy)["net"] != best(source)).any()
    with pytest.raises(drl.UserError, match="has other weights by now"):
        run.verify()
    assert run.verify("checkpoint").same  # which needs them no more
    copy.unlink()
    assert run.resume(steps=260, progress=False).env_steps == 260


@pytest.mark.parametrize(
    "args, words",
    [
        (["--hidden", "32"], "hidden is (64, 64) there, (32,) here"),
        (["--activation", "tanh"], "activation is relu there, tanh here"),
        (["--head", "qr"], "head is mean there, qr here"),
        (["--dueling"], "dueling is False there, True here"),
        (["--reward-scale", "7"], "reward_scale is 0.025 there, 7.0 here"),
        (["--dtype", "float64"], "parameters of another precision: float32"),
        (["--env", "Acrobot-v1"], "Acrobot-v1 has Discrete(3)"),
    ],
)
def test_weights_that_would_mean_something_else_are_refused(
    args: list[str], words: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--run", str(tmp_path / "run"), *SHORT, "--steps", "64"]
    assert main(["train", "dqn", "--init-from", str(source), *args, *run]) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.splitlines()) == 1 and not (tmp_path / "run").exists()


def test_what_has_no_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drl.train("digits", run=tmp_path / "digits", epochs=1, model="logistic", progress=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no policy")
    np.savez(tmp_path / "net.npz", W=np.zeros(3))
    for name, words in (
        ("digits", "a digits run, which has no policy"), ("empty", "is no run"),
        ("text", "is damaged or no checkpoint"), ("net.npz", "is an export"),
        ("nope", "no checkpoint"),
    ):  # fmt: skip
        assert main(["train", "dqn", "--init-from", str(tmp_path / name), "--steps", "64"]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
    with pytest.raises(drl.UserError, match="no init_from"):
        drl.train("digits", init_from=tmp_path / "digits", epochs=1, progress=False)


def test_a_network_of_ones_own(tmp_path: Path) -> None:
    from agents.parts import BuildNet

    def build(shape: tuple[int, ...], outputs: int, seed: Any) -> drl.Network:
        return drl.MLP(shape, outputs, (9,), seed=seed)

    net: BuildNet = build
    parts = Parts(net=net)
    first = drl.train("dqn", Walk, run=tmp_path / "one", steps=100, parts=parts, **QUICK)
    second = drl.train("dqn", Walk, init_from=tmp_path / "one", steps=100, parts=parts, **QUICK)
    assert second.net.size == first.net.size
    with pytest.raises(drl.UserError, match="network of your own"):
        drl.train("dqn", Walk, init_from=tmp_path / "one", steps=100, **QUICK)
