"""`--config RUN/config.json`: a run's settings as the defaults of a new one, flags on top."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_world import Walk
from trained import assert_same, latest, train

import drl
from drl.cli.main import main

OWN = str(Path(__file__).with_name("own_world.py"))
QUICK: dict[str, Any] = {
    "steps": 40,
    "num_envs": 2,
    "eval_episodes": 1,
    "log": "none",
    "learning_starts": 8,
}


def settings(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "config.json").read_text())["settings"]
    return found


def again(name: str, source: Path, run: Path, *args: str) -> dict[str, Any]:
    assert main(["train", name, "--config", str(source), "--run", str(run), "--json", *args]) == 0
    return settings(run)


def test_the_same_settings_give_the_same_run(tmp_path: Path) -> None:
    args = ["--steps", "128", "--n-step", "3", "--hidden", "24", "12", "--lr", "0.003"]
    train(tmp_path / "one", "--seed", "5", *args)
    found = again("dqn", tmp_path / "one" / "config.json", tmp_path / "two")
    assert found == settings(tmp_path / "one")
    assert_same(latest(tmp_path / "one"), latest(tmp_path / "two"))


def test_flags_stand_on_top_and_a_directory_will_do(tmp_path: Path) -> None:
    train(tmp_path / "one", "--steps", "128")
    found = again("dqn", tmp_path / "one", tmp_path / "two", "--lr", "0.5", "--seed", "9")
    assert found == settings(tmp_path / "one") | {"lr": 0.5, "seed": 9}


def test_of_a_run_that_was_changed_those_that_it_has(tmp_path: Path) -> None:
    train(tmp_path / "one", "--steps", "128")
    drl.load_run(tmp_path / "one").resume(steps=160, lr=0.25, progress=False)
    assert again("dqn", tmp_path / "one", tmp_path / "two")["lr"] == 0.25


def test_the_environment_comes_along_with_arguments_and_wrappers(tmp_path: Path) -> None:
    env = ["--env", f"{OWN}:Walk", "--env-kwargs", "size=3", "--wrapper", f"{OWN}:Through"]
    train(tmp_path / "one", *env, "--steps", "64")
    assert settings(tmp_path / "one")["env_kwargs"] == {"size": 3}
    assert again("dqn", tmp_path / "one", tmp_path / "two") == settings(tmp_path / "one")
    other = again("dqn", tmp_path / "one", tmp_path / "three", "--env-kwargs", "size=4")
    assert other["env_kwargs"] == {"size": 4} and len(other["wrappers"]) == 1
    # of another environment they are not
    other = again("dqn", tmp_path / "one", tmp_path / "four", "--env", f"{OWN}:Unrepeatable")
    assert other["env_kwargs"] == {} and other["wrappers"] == []


def test_the_weights_that_it_began_with_come_along(tmp_path: Path) -> None:
    train(tmp_path / "source", "--steps", "256")
    train(tmp_path / "one", "--steps", "128", "--init-from", str(tmp_path / "source"))
    assert again("dqn", tmp_path / "one", tmp_path / "two") == settings(tmp_path / "one")


def test_with_seeds_and_of_a_sweeps_run(tmp_path: Path) -> None:
    train(tmp_path / "one", "--steps", "64")
    assert main(["train", "dqn", "--config", str(tmp_path / "one"), "--run", str(tmp_path / "all"),
                 "--seed", "3", "--seeds", "2", "--json"]) == 0  # fmt: skip
    third = settings(tmp_path / "all" / "seed-3")
    assert third == settings(tmp_path / "one") | {"seed": 3}
    assert again("dqn", tmp_path / "all" / "seed-4", tmp_path / "two") == third | {"seed": 4}


def test_digits(tmp_path: Path) -> None:
    short = ["--run", str(tmp_path / "one"), "--epochs", "1", "--json"]
    args = ["--model", "mlp", "--hidden", "9", "--lr", "0.02", "--batch-size", "100"]
    assert main(["train", "digits", *short, *args]) == 0
    found = again("digits", tmp_path / "one" / "config.json", tmp_path / "two")
    assert found == settings(tmp_path / "one")
    assert_same(latest(tmp_path / "one"), latest(tmp_path / "two"))
    assert again("digits", tmp_path / "one", tmp_path / "three", "--lr", "0.5")["lr"] == 0.5


def test_what_is_no_config_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "dqn", "--steps", "64")
    assert main(["train", "digits", "--run", str(tmp_path / "digits"), "--epochs", "1",
                 "--model", "logistic", "--json"]) == 0  # fmt: skip
    drl.train("dqn", lambda: Walk(3), run=tmp_path / "unnamed", progress=False, **QUICK)
    x, y = [[[0.0]], [[1.0]]] * 8, [0, 1] * 8
    drl.train("digits", (np.array(x), np.array(y)), run=tmp_path / "arrays", epochs=1,
              model="logistic", progress=False)  # fmt: skip
    (tmp_path / "damaged.json").write_text('{"settings": {"job": "dqn"}}')
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "no.json").write_text("{")
    capsys.readouterr()
    for name, path, words in (
        ("dqn", "digits", "is of a run of digits, not of dqn"),
        ("digits", "dqn", "is of a run of dqn, not of digits"),
        ("dqn", "unnamed", "cannot name its environment"),
        ("digits", "arrays", "cannot name its data"),
        ("dqn", "damaged.json", "does not fit config.json"),
        ("dqn", "empty.json", "holds no settings"),
        ("dqn", "no.json", "no.json"),
        ("dqn", "nope", "nope is missing: there is no such file"),
    ):
        config = str(tmp_path / path)
        assert main(["train", name, "--config", config, "--run", str(tmp_path / "new")]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1, error
        assert not (tmp_path / "new").exists()
