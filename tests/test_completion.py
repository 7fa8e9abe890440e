"""Completion by the shells themselves; one that is not there is not asked."""

import shutil
import subprocess
import sys

import pytest

from drl.cli.main import main
from drl.tables import AGENTS

CASES = [
    ("drl ev", {"evaluate"}),
    ("drl train ", {*AGENTS, "digits"}),
    ("drl train d", {"dqn", "digits"}),
    ("drl train dqn --boot", {"--bootstrap"}),
    ("drl train dqn --bootstrap ", {"max", "double", "munchausen"}),
    ("drl train dqn --seed 3 --env Ac", {"Acrobot-v1"}),
    (
        "drl train dqn --env drl/Ca",
        {
            "drl/CartPole-v1",
            "drl/CartPolePixels-v1",
            "drl/CartPolePositions-v1",
            "drl/Catch-v0",
        },
    ),
    ("drl train digits --model l", {"logistic"}),
    ("drl train digits --boot", set()),
    ("drl export --format ", {"npz", "torch", "onnx"}),
    ("drl completion f", {"fish"}),
    ("drl evaluate run", set()),  # the shell's own: names of files
]


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize("line, expected", CASES)
def test_bash(line: str, expected: set[str], capsys) -> None:
    words = " ".join(f"'{word}'" for word in line.split() + [""] * line.endswith(" "))
    program = script("bash", capsys) + (
        f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _drl\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    assert set(done.stdout.split()) == expected


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
@pytest.mark.parametrize("line, expected", CASES)
def test_fish(line: str, expected: set[str], capsys) -> None:
    program = script("fish", capsys) + f"\ncomplete -C '{line}'"
    done = subprocess.run(["fish", "-c", program], capture_output=True, text=True)
    found = {row.split("\t")[0] for row in done.stdout.splitlines()}
    assert not done.stderr and (found == expected or not expected)


@pytest.mark.parametrize("shell, words", [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")])
def test_the_script_is_one_that_the_shell_reads(shell: str, words: str, capsys) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    done = subprocess.run(
        [shell, "-n"], input=script(shell, capsys), capture_output=True, text=True
    )
    assert done.returncode == 0 and not done.stderr


def test_it_loads_neither_torch_nor_gymnasium_at_help() -> None:
    program = (
        "import sys; from drl.cli.main import main; main(['completion', 'bash']);"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 0
