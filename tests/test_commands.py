"""Every command that the program prints does what it says, pasted into a shell."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drl.cli.main import COMMANDS, main
from drl.display.commands import command

ROOT = Path(__file__).parents[1]
SHORT = shlex.split("--steps 300 --eval-every 200 --eval-episodes 2 --solved-at None --log minimal")
PRINTED = re.compile(r"(?<!see )\bdrl (?:resume|evaluate|board|compare|watch|export|tour)\b[^;\n]*")
NAMES = (
    "my run's", 'a "quoted" one', "$HOME `x` \\ !", "[best] #1; *", "-dash", "~", "ü 雪", "a\nb",
    "\x1b[31m\x9b", "\udcff",
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("name", NAMES)
def test_a_shell_reads_the_words_that_were_meant(
    name: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        pass

    Terminal.encoding = encoding  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdout", Terminal)
    printed = command("evaluate", Path(name), "--policy", "last")
    monkeypatch.undo()
    shown = printed.encode(encoding)  # every character of it can be shown
    assert b"\x1b" not in shown and b"\n" not in shown
    script = b"drl() { printf '%s\\0' \"$@\"; }; " + shown
    words = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    path = "./-dash" if name == "-dash" else name
    expected = b"\0".join(
        [b"evaluate", path.encode(errors="surrogateescape"), b"--policy", b"last"]
    )
    assert words == expected + b"\0"


def test_no_message_puts_a_path_behind_a_command_by_hand() -> None:
    """Only `command` quotes."""
    by_hand = re.compile(rf"\bdrl ({'|'.join(COMMANDS)})\b[^.;:,]*$")
    found = []
    for path in [
        p for package in ("drl", "agents", "envs") for p in (ROOT / package).rglob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else []
            for text, value in zip(parts, parts[1:], strict=False):
                if isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue):
                    found += [f"{path}:{node.lineno}"] * bool(by_hand.search(str(text.value)))
    allowed = ("bench/report.py", "cli/main.py", "cli/help.py", "cli/parse.py")
    assert [place for place in found if not any(name in place for name in allowed)] == []


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Runs a command, and gives those that it has printed."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, code: int = 0) -> list[str]:
        assert main(list(args)) == code
        captured = capsys.readouterr()
        return [found.strip() for found in PRINTED.findall(captured.out + captured.err)]

    return run


def works(printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As bash reads it; a board is not waited for."""
    script = "drl() { printf '%s\\0' \"$@\"; }; " + printed
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    if words[0] == "board":
        assert Path(words[1]).is_dir()
    else:
        assert main(words) == 0, printed


def test_every_command_that_is_printed_works(
    said: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dqn, digits, seeds = "my run's", 'a "b" $c/[d]', "-x ü"
    printed = said("train", "dqn", "--run", dqn, *SHORT)
    assert [line.split()[1] for line in printed] == ["evaluate", "board"]
    printed += said("train", "digits", "--epochs", "1", "--run", digits)
    printed += said("train", "digits", "--epochs", "1", "--seeds", "2", f"--run={seeds}")
    printed += said("evaluate", digits)
    printed += said("resume", digits, code=2) + said("resume", f"./{seeds}", code=2)
    printed += said("watch", digits, code=2) + said("tour")
    printed += said("train", "digits", "--run", digits, code=2)  # finished: nothing to go on with
    printed += said("compare", digits, "--tensorboard", "over seeds")
    kinds = {line.split()[1] for line in printed}
    assert kinds == {"evaluate", "board", "compare", "tour"} and len(printed) >= 10
    for line in dict.fromkeys(printed):
        works(line, monkeypatch)


def test_a_run_that_was_stopped_is_gone_on_with_as_it_says(
    said: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from drl.experiment.interrupt import Interrupt

    class Asked(Interrupt):
        """Ctrl-C at once."""

        def __enter__(self) -> Interrupt:
            super().__enter__()
            self.asked = True
            return self

    one, several = "my run's", "all of 'em"
    with monkeypatch.context() as patch:
        patch.setattr("drl.experiment.experiment.Interrupt", Asked)
        printed = said("train", "digits", "--run", one, code=130)
        printed += said("train", "digits", "--seeds", "2", "--run", several, code=130)
        printed += said("train", "digits", "--run", one, code=2)
        printed += said("train", "digits", "--seeds", "2", "--run", several, code=2)
        printed += said("compare", one, several, code=2)
    resumed = [line for line in printed if line.startswith("drl resume")]
    assert len(resumed) == 7 and not any("compare" in line for line in printed)
    for line in (command("resume", Path(one)), command("resume", Path(several))):
        assert line in resumed
        works(line, monkeypatch)
    assert {shlex.split(line)[2] for line in resumed} == {
        one,
        several,
        f"{several}/seed-1",
        f"{several}/seed-2",
    }
