"""What surrounds the gradient step: the updates per second of a training beside the bare step's.

Loop, replay, environments, and the log at its default: a CartPole run, in which no evaluation is
due.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from agents.dqn.agent import DQN
from agents.dqn.presets import PRESETS
from drl.bench.filled import build, fill
from drl.bench.process import drl
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, ratio

AT_LEAST = 0.85
ENV = "CartPole-v1"


def measure(repeats: int = 9, steps: int = 20_000) -> Result:
    """Updates per second of both, in turns; the share is the median over the pairs."""
    agent = trained_agent(steps)
    training, bare = [], []
    for _ in range(repeats):
        training.append(training_rate(steps))
        bare += [1 / s for s in interleaved({"bare": agent.learn}, 1, seconds=1.0)["bare"]]
    share = ratio(training, bare)
    row: Row = {
        "env steps": steps,
        "training, updates/s": median(training),
        "bare step, updates/s": median(bare),
        "share": share,
    }
    about = "Updates per second of a CartPole run, loop, environments, replay and log included."
    bar = Bar("training's share of the bare step's rate", share, AT_LEAST)
    return Result("endtoend", about, [row], [bar])


def training_rate(steps: int) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        summary = drl(
            "train", "dqn", "--env", ENV, "--run", str(Path(scratch) / "run"),
            "--steps", str(steps), "--eval-every", str(steps + 1), "--solved-at", "None",
        )  # fmt: skip
    rate: float = summary["updates"] / summary["seconds"]
    return rate


def trained_agent(steps: int) -> DQN:
    """The preset's agent, with as many transitions as a run has at its end."""
    config, experiment = PRESETS[ENV]
    agent = build(config, experiment.num_envs)
    fill(agent, experiment.num_envs, steps // experiment.num_envs)
    return agent
