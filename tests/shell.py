"""The command line in a directory of its own, and a run there that is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from trained import rows

from drl.api.verify import differences
from drl.experiment import checkpoint

ROOT = Path(__file__).resolve().parents[1]
CATCH = ["--env", "drl/Catch-v0", "--num-envs", "8", "--eval-every", "4000", "--seed", "5",
         "--checkpoint-every", "400", "--eval-episodes", "4", "--log-to", "csv"]  # fmt: skip


class Shell:
    """The command line in a directory of its own, with the packages of `tree`."""

    def __init__(self, tree: Path, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.env = os.environ | {"PYTHONPATH": str(tree), "PYTHONWARNINGS": "error"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "drl", *words], cwd=self.directory, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def drl(self, *words: str) -> tuple[str, str]:
        """Standard output and standard error of a command that succeeds."""
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == 0, err
        return out, err

    def json(self, *words: str) -> dict:
        return json.loads(self.drl(*words, "--json")[0].splitlines()[-1])

    def fails(self, *words: str) -> str:
        """What a command says in the one line with which it ends."""
        process = self.start(*words)
        _, err = process.communicate()
        assert process.returncode == 2 and err.count("\n") == 1, err
        return err


def killed_and_resumed(
    shell: Shell, agent: str, steps: str, options: Sequence[str] = CATCH
) -> None:  # fmt: skip
    """At a random moment, by SIGKILL: it ends with the bytes of a run that nobody has stopped."""
    train = ["train", agent, *options, "--steps", steps]
    shell.drl(*train, "--run", "whole")
    seconds = json.loads((shell.directory / "whole" / "summary.json").read_text())["seconds"]
    process = shell.start(*train, "--run", "killed")
    while not list(shell.directory.glob("killed/checkpoints/step-*[1-9]*")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.3) * seconds)  # of training: most of it is still to come
    process.kill()
    process.communicate()
    assert not (shell.directory / "killed" / "summary.json").exists(), "it has not been killed"
    shell.drl("resume", "killed")
    last = [sorted((shell.directory / run / "checkpoints").glob("step-*"))[-1]
            for run in ("whole", "killed")]  # fmt: skip
    assert last[0].name == last[1].name
    assert not list(differences(*map(checkpoint.load, last)))
    best = [path.with_name("best.safetensors").read_bytes() for path in last]
    assert best[0] == best[1]
    curves = [rows(shell.directory / run) for run in ("whole", "killed")]
    assert curves[0] == curves[1]


def used(shell: Shell, agent: str) -> None:
    """Evaluate, watch, export, several seeds, compare: of a run and of its policy's file."""
    score = shell.json("evaluate", "whole")
    assert score == shell.json("evaluate", "whole/checkpoints/best.safetensors")
    shell.drl("watch", "whole", "--out", "episode.gif")
    assert (shell.directory / "episode.gif").read_bytes()[:3] == b"GIF"
    shell.drl("export", "whole", "--out", "net.npz")
    description = np.load(shell.directory / "net.npz")["description"]
    assert json.loads(str(description))["layers"][-1]["kind"] == "linear"
    done = shell.json("train", agent, *CATCH, "--steps", "2000", "--seeds", "2", "--run", "seeds")
    assert len(done["runs"]) == 2 and not done["failed"]
    assert "best evaluation" in shell.drl("compare", "seeds")[0]
