"""Pipes, directories and devices where a file of a run or a policy should be: one line, at once."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from one_line import refused
from test_hostile_states import VALUES
from trained import train

from drl import load_policy
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.files import require_file


def pipe(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = [pipe, directory, device]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "a"
    train(run, "--steps", "256", "--solved-at", "None", "--hidden", "8", "--log-to", "tensorboard")
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "a")
    return tmp_path / "a"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("pattern", "commands"),
    [
        ("config.json", ["evaluate", "resume", "compare"]),
        ("events.*", ["compare"]),
        ("checkpoints/best.safetensors", ["evaluate", "watch"]),
        ("checkpoints/step-*", ["resume", "evaluate --policy last"]),
    ],
)
def test_in_place_of_a_file_of_a_run(
    pattern: str, commands: list[str], kind: Callable[[Path], None], run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for path in list(run.glob(pattern)):
        path.unlink()
        kind(path)
    for command in commands:
        name, *more = command.split()
        more += ["--steps", "512"] if name == "resume" else []
        refused(capsys, name, str(run), *more)


@pytest.mark.parametrize("kind", KINDS)
def test_in_place_of_a_policy(kind: Callable[[Path], None], tmp_path: Path) -> None:
    kind(tmp_path / "p")
    for read in (load_policy, checkpoint.load, require_file):
        with pytest.raises(UserError, match=r"expected a file|is no run: config\.json is missing"):
            read(tmp_path / "p")


@pytest.mark.parametrize(
    "name", ["env_steps", "best_mean_reward", "seconds", "interrupted", "updates"]
)
def test_a_summary_with_every_wrong_value(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads((run / "summary.json").read_text())
    for value in VALUES:
        (run / "summary.json").write_text(json.dumps(summary | {name: value}))
        assert main(["compare", str(run), "--json"]) in (0, 2)
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["seed", "env", "job", "log", "gamma"])
def test_a_config_with_every_wrong_value_is_compared_or_refused(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((run / "config.json").read_text())
    for value in VALUES:
        changed = document | {"settings": document["settings"] | {name: value}}
        (run / "config.json").write_text(json.dumps(changed))
        assert main(["compare", str(run), "--json"]) in (0, 2)
        assert "Traceback" not in capsys.readouterr().err
