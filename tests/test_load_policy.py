"""A policy is read from wherever it is kept: a file, a run, a checkpoint of a run."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import train

import drl
from drl import UserError, load_policy, load_run
from drl.api.console import Silent
from drl.api.policies import policy_at
from drl.cli.main import main
from drl.experiment import checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose best policy is not its last."""
    path = tmp_path_factory.mktemp("runs") / "run"
    train(path, "--steps", "512", "--log", "none")
    best = path / "checkpoints" / "best.safetensors"
    state = checkpoint.load(best)
    state["net"][:] *= 0.5
    checkpoint.save(best, state)
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "run"
    drl.train("digits", run=path, epochs=1, model="logistic", progress=False)
    return path


def checkpoints(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("step-*"))


def params(policy: Any) -> list[float]:
    return policy.net.params.tolist()


def test_a_run_gives_its_best_policy_and_a_checkpoint_the_one_in_it(run: Path) -> None:
    best, last = load_run(run).policy("best"), load_run(run).policy("last")
    assert params(best) != params(last)
    assert params(load_policy(run)) == params(load_policy(str(run))) == params(best)
    assert params(load_policy(run / "checkpoints" / "best.safetensors")) == params(best)
    assert params(load_policy(checkpoints(run)[-1])) == params(last)
    assert params(load_policy(checkpoints(run)[-2])) not in (params(best), params(last))


def test_a_checkpoint_is_scored_drawn_and_exported(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(command: str, where: Path, *flags: str) -> Any:
        assert main([command, str(where), *flags, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    last = checkpoints(run)[-1]
    own = said("evaluate", run, "--policy", "last", "--episodes", "3")
    assert said("evaluate", last, "--episodes", "3") == own | {"policy": last.stem}
    flags = "--max-steps", "5", "--out"
    assert said("watch", last, *flags, str(tmp_path / "last.gif"))["policy"] == last.stem
    assert said("export", last, "--out", str(tmp_path / "last.npz"))["policy"] == last.stem
    assert said("export", run, "--policy", "last", "--out", str(tmp_path / "run.npz"))
    found = np.load(tmp_path / "last.npz"), np.load(tmp_path / "run.npz")
    arrays = [[array for array in file.values() if array.dtype.kind == "f"] for file in found]
    assert arrays[0] and all(map(np.array_equal, *arrays))


def test_a_training_begins_with_the_weights_of_a_checkpoint(run: Path) -> None:
    short: Any = {"eval_episodes": 2, "num_envs": 4, "progress": False}
    with pytest.warns(drl.TrainingWarning, match="nothing will be learnt"):
        begun = drl.train("dqn", "CartPole-v1", init_from=checkpoints(run)[-1], steps=64, **short)
    assert params(begun) == params(load_run(run).policy("last"))


def test_a_network_that_is_not_asked_for_is_refused(run: Path) -> None:
    """It would change nothing."""
    net = partial(drl.MLP, hidden=(8,))
    for load in (lambda: load_policy(run, net=net), lambda: load_run(run).policy("last", net)):
        with pytest.raises(UserError, match=r"trained without a network of your own: leave out n"):
            load()


def test_where_it_is_offered_in_case_it_is_left_alone(run: Path) -> None:
    """As --init-from does, with the network of the training that begins."""
    policy = policy_at(run, Silent(), {"net": partial(drl.MLP, hidden=(8,))})
    assert params(policy) == params(load_policy(run))


@pytest.mark.parametrize("command", ["evaluate", "watch", "export"])
def test_of_one_policy_none_is_chosen(
    command: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = run / "checkpoints" / "best.safetensors"
    out = [] if command == "evaluate" else ["--out", str(tmp_path / "out.gif")]
    out += ["--format", "npz"] if command == "export" else []
    assert main([command, str(best), "--policy", "last", *out]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"drl: {best} holds one policy: leave out --policy last"


def test_what_is_no_policy_says_what_it_is(run: Path, digits: Path) -> None:
    for path, words in (
        (digits, "is a digits run, which has no policy"),
        (checkpoints(digits)[-1], "is of a run that has no policy"),
        (run / "checkpoints", "is no run: config.json is missing"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            load_policy(path)
        assert "\n" not in str(caught.value)


def test_a_file_is_no_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = run / "checkpoints" / "best.safetensors"
    with pytest.raises(UserError, match="is a file, a run is a directory: load_policy reads"):
        load_run(best)
    load_policy(run).save(tmp_path / "policy.safetensors")
    for file, its in ((best, f", {run}"), (tmp_path / "policy.safetensors", "")):
        for command in ("resume", "verify"):
            assert main([command, str(file)]) == 2
            line = capsys.readouterr().err.strip()
            assert line == f"drl: {file} is a file: give the run's directory{its}"
