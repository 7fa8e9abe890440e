"""The one loop carries an agent that learns from whole rollouts, in phases of several epochs: what
is learnt, saved, logged, resumed (tests/data/on_policy.py)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import ROOT, Shell, killed_and_resumed
from trained import latest, read, rows

import drl
from agents import ExperimentConfig
from drl.api import ladder
from drl.api.find import find_agent
from drl.api.findings import Finding
from drl.experiment.task import Progress, Update
from drl.named import module_of

FILE = ROOT / "tests" / "data" / "on_policy.py"
ROLLOUT = 7 * 4  # env steps; 3 epochs of 2 minibatches
SHORT = ExperimentConfig(
    steps=200, num_envs=4, eval_every=100, eval_episodes=2, log_every=50, checkpoint_every=4,
    log_to=("csv", "tensorboard"),
)  # fmt: skip


class Pauses(drl.Callback):
    """Every pause, and the update that it shows."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def on_step(self, experiment: Any, progress: Progress) -> None:
        self.seen.append(progress)

    def updates(self) -> Iterator[tuple[int, Update]]:
        return ((p.step, p.update) for p in self.seen if p.update is not None)


def trained(run: Path | None, callbacks: Any = (), **settings: Any) -> Any:
    own = module_of(str(FILE))
    return drl.train(own, "drl/Catch-v0", run=run, experiment=SHORT, progress=False,
                     callbacks=callbacks, **settings)  # fmt: skip


def test_a_phase_is_drained_before_a_pause_and_steps_are_whole_rollouts(tmp_path: Path) -> None:
    pauses = Pauses()
    result = trained(tmp_path / "run", [pauses])  # a checkpoint at each pause: none within a phase
    assert result.env_steps == 224  # 200, rounded up to 8 rollouts of 28
    assert [p.step for p in pauses.seen] == list(range(4, 225, 4))
    phases = list(pauses.updates())
    assert [step for step, _ in phases] == list(range(28, 225, 28))
    assert [update.number for _, update in phases] == [6 * n for n in range(1, 9)]
    assert [update.metrics()["train/phase"] for _, update in phases] == [6.0] * 8
    assert result.agent.updates == 48 and not result.agent.rows
    assert result.summary["steps"] == 224 and latest(tmp_path / "run")["task"]["env_steps"] == 224


def test_rounding_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    own = module_of(str(FILE))
    drl.train(own, "drl/Catch-v0", experiment=SHORT, progress=True)
    drl.train(own, "drl/Catch-v0", experiment=SHORT, steps=28, progress=True)
    assert capsys.readouterr().out.count("200 env steps are rounded up to whole rollouts: 224") == 1


def test_the_log_sees_each_phase_whole_and_once(tmp_path: Path) -> None:
    """Points are due at 52, 100, 152, 200: no phase ends there, and the next one tells."""
    pauses, run = Pauses(), tmp_path / "run"
    trained(run, [pauses])
    losses = {step: float(np.mean(u.metrics()["train/losses"])) for step, u in pauses.updates()}
    table = [row for row in rows(run) if row.get("train/loss")]
    assert [int(row["step"]) for row in table] == [56, 112, 168, 224]
    assert [float(row["train/loss"]) for row in table] == pytest.approx(
        [losses[step] for step in (56, 112, 168, 224)]
    )
    exploring = [int(row["step"]) for row in rows(run) if row.get("rollout/ep_rew_mean")]
    assert exploring == [52, 56, 100, 112, 152, 168, 200, 224]
    histograms = [event.step for event in read(run).Histograms("train/losses")]
    assert histograms == [56, 112, 168, 224]  # each point of four is worth one


def test_points_closer_than_phases_show_each_phase(tmp_path: Path) -> None:
    trained(tmp_path / "run", log_every=10)
    table = [int(row["step"]) for row in rows(tmp_path / "run") if row.get("train/loss")]
    assert table == list(range(28, 225, 28))


def test_stopped_within_a_rollout_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """A point is owed at 52, and the rollout of 28 to 56 is half full."""
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained(whole)
    stop = drl.Every(52, lambda experiment: experiment.step != 52)
    trained(halves, [stop])
    assert len(latest(halves)["task"]["agent"]["rows"]["a"]) == 6
    result = drl.load_run(halves).resume(steps=201, progress=False, callbacks=[stop])
    assert result.env_steps == 224
    agents = [latest(run)["task"]["agent"] for run in (whole, halves)]
    assert agents[0]["net"].tobytes() == agents[1]["net"].tobytes()
    told = [[row for row in rows(run) if row.get("train/loss")] for run in (whole, halves)]
    assert told[0] == told[1]


def test_the_doctor_trains_whole_rollouts(monkeypatch: pytest.MonkeyPatch) -> None:
    left = []

    def judged(task: Any, rung: Any) -> tuple[Finding, str]:
        left.append((len(task.agent.rows), task.agent.updates))
        return Finding("ok", rung.name, ""), ""

    monkeypatch.setattr(ladder, "judged", judged)
    ladder.tried(find_agent(str(FILE)), ladder.LADDER[0], 1, steps=100)
    assert left == [(0, 24)]  # four rollouts of 28, six updates each


def test_killed_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "here")
    shutil.copy(FILE, shell.directory / "on_policy.py")
    killed_and_resumed(shell, "on_policy.py", "24000")
