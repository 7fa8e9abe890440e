"""`monitor.csv`: a line for each training episode, as Stable-Baselines3's Monitor writes it.

Its `load_results` and `results_plotter` read it, and so do the tools made for them.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from drl.log.file import File, whole_lines
from drl.log.logger import Opening
from drl.tables import LOGGERS

NAME = LOGGERS["monitor"].file or ""
HEAD = 2  # lines before the first episode


class Monitor(File):
    """#{"t_start": …, "env_id": …}, then r,l,t: return, agent steps, seconds of training.

    episodes  on resume: how many had ended before the checkpoint; those after it come again, and
              are dropped; None: the file is new
    """

    def __init__(self, directory: Path, env_id: str, episodes: int | None = None) -> None:
        super().__init__(Path(directory) / NAME)
        lines = [] if episodes is None else whole_lines(self.path)[: HEAD + episodes]
        if len(lines) < HEAD:
            start = json.dumps({"t_start": time.time(), "env_id": env_id})
            lines = [f"#{start}\n", "r,l,t\n"]
        self.begin("".join(lines))

    def episode(self, reward: float, length: int, seconds: float) -> None:
        self.append(f"{round(reward, 6)},{length},{round(seconds, 6)}\n")


def open_logger(told: Opening) -> Monitor:
    """Of a run."""
    settings = told.settings
    return Monitor(told.directory, str(settings.get("env", settings.get("data"))), told.episodes)


def last_step(directory: Path) -> float:
    """It counts no steps: the number of episodes that are written there, each of a step at least;
    0: none."""
    return max(0, len(whole_lines(directory / NAME)) - HEAD)
