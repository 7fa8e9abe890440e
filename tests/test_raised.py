"""What an environment of the user's raises: one line with file, line and exception; counted once;
the whole traceback in a file of the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

import drl
from drl.cli.main import main
from drl.errors import EnvFailed, EnvWarning
from drl.experiment.run_files import TRACEBACKS, is_part_of_a_run
from drl.raised import OURS, alike, place, said, traceback_of
from envs import NumpyEnv, gymnasium_env, make

RAISING = Path(__file__).parent / "data" / "raising.py"
PLACE = "raising.py:14"
SHORT = ["--num-envs", "4", "--steps", "400", "--learning-starts", "100", "--eval-every", "1000",
         "--eval-episodes", "2", "--log", "none", "--hidden", "4"]  # fmt: skip


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RAISING.parent)  # so that its name is short


def failing(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> list[str]:
    """Lines of standard error of a command that fails."""
    capsys.readouterr()
    assert main([*words]) == code
    return capsys.readouterr().err.splitlines()


def train(env: str, run: Path, *more: str) -> list[str]:
    return ["train", "dqn", "--env", f"{RAISING}:{env}", "--run", str(run), *SHORT, *more]


# -- one exception --------------------------------------------------------------------------------
def raised(code: Callable[[], Any]) -> BaseException:
    try:
        code()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def test_the_place_is_the_innermost_line_of_the_user_s() -> None:
    import json

    own = raised(lambda: json.loads("{"))  # raised in Python's own files
    assert re.fullmatch(r".*test_raised\.py:\d+", place(own))
    assert said(own).startswith("JSONDecodeError: ") and said(own).endswith(f" at {place(own)}")
    theirs = raised(lambda: np.zeros(2).reshape(3))
    assert "numpy" not in place(theirs) and "test_raised.py" in place(theirs)
    ours = raised(lambda: make("CartPole-v1", 0, 1))
    assert place(ours) == "" or "test_raised.py" in place(ours)
    assert all(Path(package).is_dir() for package in OURS)
    assert place(ValueError("never raised")) == "" and said(ValueError()) == "ValueError"


def test_a_package_s_line_where_none_is_the_user_s() -> None:
    """An environment may be of an installed package: by the name that it is imported by."""
    code = compile("def step():\n    raise KeyError('x')", "/x/site-packages/game/env.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    error = raised(names["step"])
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)  # without this file
    assert place(error) == "" and place(error, installed=True) == "game/env.py:2"


def test_failures_are_alike_whichever_environment_it_was() -> None:
    a, b = "X (environment 0) failed in a step (E: 3)", "X (environment 12) failed in a step (E: 3)"
    assert alike(a) == alike(b) == "X failed in a step (E: 3)" != alike(a.replace("3", "4"))


# -- runs -----------------------------------------------------------------------------------------
def kept(run: Path) -> str:
    """The tracebacks, which name the place once."""
    text = (run / TRACEBACKS).read_text()
    assert text.count('raising.py", line 14, in looked_up') == 1
    assert "return table[key]  # line 14" in text and "KeyError: 'fuel'" in text
    return text


@pytest.mark.parametrize("workers", [(), ("--env-workers", "2")], ids=["here", "workers"])
def test_in_a_step(
    workers: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    *warned, last = failing(capsys, *train("InStep", run, *workers))
    (warning,) = (line for line in warned if "warning" in line)  # of eleven failures
    what = f"InStep (environment 0) failed in a step (KeyError: 'fuel' at {PLACE})"
    file = f"its traceback: {run / TRACEBACKS}"
    assert warning == (
        f"drl: warning: {what}; it was restarted, its episode is lost (restart 1 of at most 10; "
        f"the same again is counted); {file}"
    )
    what = what.replace("environment 0", "environment 2")
    assert last.startswith(f"drl: {what}, after 10 such failures") and last.endswith(f"; {file}")
    assert is_part_of_a_run(run / TRACEBACKS)
    kept(run)


@pytest.mark.parametrize("workers", [(), ("--env-workers", "2")], ids=["here", "workers"])
@pytest.mark.parametrize(
    ("env", "words"),
    [("InReset", f"failed in a reset (KeyError: 'fuel' at {PLACE}): mend the env"),
     ("Leaves", "called sys.exit(3) in a step at raising.py:")],
)  # fmt: skip
def test_what_no_restart_mends(
    env: str, words: str, workers: tuple[str, ...], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = tmp_path / "run"
    (line,) = (x for x in failing(capsys, *train(env, run, *workers)) if "environments in" not in x)
    assert words in line and line.endswith(f"; its traceback: {run / TRACEBACKS}")
    assert "raising.py" in (run / TRACEBACKS).read_text()


@pytest.mark.parametrize("workers", [(), ("--env-workers", "2")], ids=["here", "workers"])
def test_before_there_is_a_run(
    workers: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = failing(capsys, *train("WhenMade", tmp_path / "run", *workers))
    assert f"failed when it was made (KeyError: 'fuel' at {PLACE})" in line
    assert not (tmp_path / "run").exists()


def test_where_it_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gymnasium_env, "STEP_SECONDS", 0.05)
    import raising  # type: ignore[import-not-found]  # of the working directory

    env = make(raising.Hangs, 1, 0)
    env.reset()
    with pytest.warns(EnvWarning, match=r"TimeoutError: no answer for 0\.05 s at raising\.py:\d+"):
        for _ in range(4):
            env.step(np.zeros(1, int))
    env.close()


def test_two_kinds_are_told_once_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    lines = [x for x in failing(capsys, *train("InTwoPlaces", run)) if "warning" in x]
    assert len(lines) == 1 or len({alike(line) for line in lines}) == len(lines)
    assert (run / TRACEBACKS).read_text().count("Traceback (most recent call last)") >= 1


def test_restarts_that_a_run_survives_are_counted_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAISES_AFTER", "70")
    run = tmp_path / "run"
    assert main(train("InStep", run)) == 0
    said = capsys.readouterr()
    assert said.err.count("warning: InStep") == 1 and re.search(r"env restarts +4\n", said.out)
    kept(run)


@pytest.mark.parametrize("learner", [Path("x"), None])
def test_in_an_evaluation_of_a_training(
    learner: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whose environments are others than the training's: their second episode fails."""
    monkeypatch.setenv("RAISES_AFTER", "15")
    run = tmp_path / "run"
    words = train("InStep", run, "--eval-every", "40")
    lines = failing(capsys, *words)
    assert sum("warning: InStep" in line for line in lines) == 1
    assert PLACE in lines[-1] and lines[-1].endswith(f"; its traceback: {run / TRACEBACKS}")
    kept(run)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run of an environment that fails as soon as anybody else plays it."""
    monkeypatch.setenv("RAISES_AFTER", "1000000")
    run = tmp_path / "run"
    assert main(train("InStep", run)) == 0
    monkeypatch.setenv("RAISES_AFTER", "3")
    yield run


@pytest.mark.parametrize("command", ["evaluate", "watch"])
def test_in_other_commands(
    command: str, trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 2 if command == "evaluate" else 0  # a restart is another episode: nothing more to watch
    lines = failing(capsys, command, str(trained), code=code)
    assert sum("warning: " in line for line in lines) == 1 and len(lines) == (code == 2) + 1
    for line in lines:
        assert f"(KeyError: 'fuel' at {PLACE})" in line
        assert line.endswith(f"; its traceback: {trained / TRACEBACKS}")
    kept(trained)


def test_in_python(trained: Path) -> None:
    run = drl.load_run(trained)
    with pytest.warns(EnvWarning, match=PLACE), pytest.raises(EnvFailed, match=PLACE) as error:
        run.evaluate(episodes=4)
    assert str(trained / TRACEBACKS) in str(error.value)
    assert "KeyError: 'fuel'" in traceback_of(error.value)
    kept(trained)


def test_the_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--env", f"{RAISING}:InStep"]) == 1
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("  fail"))
    assert f"(KeyError: 'fuel' at {PLACE})" in line


def test_several_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They say it once, and each keeps it."""
    home = tmp_path / "seeds"
    lines = failing(capsys, *train("InStep", home, "--seeds", "3"), code=1)
    told = [line for line in lines if PLACE in line]
    assert len(told) == 2 and "warning: seed-" in told[0] and " failed: InStep" in told[1]
    others = [line for line in lines if re.fullmatch(r"drl: seed-\d failed as seed-\d", line)]
    assert len(others) == 2
    for n in (1, 2, 3):
        kept(home / f"seed-{n}")


class Own(NumpyEnv):
    """One of the user's side by side, that breaks."""

    observation_space = Box(0, 200, (1,), np.float32)
    action_space = Discrete(2)

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        raise RuntimeError("no fuel")

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)


def test_side_by_side_of_ones_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(EnvFailed, match=r"RuntimeError: no fuel at .*test_raised\.py:\d+") as error:
        drl.train("dqn", Own, run=run, steps=200, progress=False, log="none", learning_starts=9)
    assert str(error.value).endswith(f"; its traceback: {run / TRACEBACKS}")
    assert 'raise RuntimeError("no fuel")' in (run / TRACEBACKS).read_text()


def test_without_a_directory_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EnvFailed) as error:
        drl.train("dqn", Own, steps=200, progress=False, learning_starts=9)
    assert "traceback" not in str(error.value)
    assert not list(tmp_path.iterdir())
