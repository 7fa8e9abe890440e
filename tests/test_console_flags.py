"""Parameters are flags on the command line; names of files are no parameters."""

from pathlib import Path

import pytest

from drl import UserError
from drl.cli.console import as_flags
from drl.cli.main import main
from drl.display.commands import command
from drl.settings import require


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("take `lr_end` below `lr`", "take --lr-end below --lr"),
        ("give `buffer_size=64`, or `nothing=3`", "give --buffer-size 64, or `nothing=3`"),
        ("hidden=(64, -1) is not possible: give 1", "--hidden (64, -1) is not possible: give 1"),
        ("lr=0.1/config.json: seed=-1 is not possible: give 0 or more",
         "lr=0.1/config.json: --seed -1 is not possible: give 0 or more"),
        ("stopped; runs/lr=0.1 and lr=0.1 are kept", "stopped; runs/lr=0.1 and lr=0.1 are kept"),
    ],
)  # fmt: skip
def test_parameters_are_flags_and_paths_are_not(said: str, shown: str) -> None:
    assert as_flags(said) == shown


def test_what_the_library_refuses_is_refused_by_its_flag() -> None:
    with pytest.raises(UserError) as refused:
        require("eval_every", -1, False, "above 0")
    assert as_flags(str(refused.value)) == "--eval-every -1 is not possible: give above 0"


def test_a_run_named_by_its_settings_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("lr=0.1,seed=3")
    assert main(["train", "digits", "--epochs", "1", "--log", "none", "--run", str(run)]) == 0
    said = capsys.readouterr().out
    assert command("evaluate", run) in said and f"run            {run}" in said
    assert main(["train", "digits", "--run", str(run)]) == 2
    assert str(run) in capsys.readouterr().err
