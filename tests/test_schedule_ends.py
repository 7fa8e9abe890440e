"""A value that falls from one setting to another, where only one of the two is given."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from trained import train

import drl
from agents import DQNConfig, ExperimentConfig, schedule_ends
from agents.ppo.config import PPOConfig
from agents.row import find_row
from drl.api.choose import choose
from drl.cli.main import main
from drl.cli.train import parse
from drl.tables import AGENTS

KNOWN = [
    (name, start, end)
    for name in AGENTS
    for start, end in schedule_ends.ENDS.items()
    if {start, end} <= {field.name for field in fields(find_row(name).config)}
]
"""Agent, and the two ends of what falls."""
ENV = {"sac": "InvertedPendulum-v5", "dqn": "CartPole-v1", "ppo": "CartPole-v1"}  # lr_end is set


def test_every_end_is_known() -> None:
    ends = {f.name for name in AGENTS for f in fields(find_row(name).config) if "_end" in f.name}
    assert ends == set(schedule_ends.ENDS.values())
    assert {name for name, _, _ in KNOWN} == set(AGENTS)


@pytest.mark.parametrize("name, start, end", KNOWN)
def test_the_end_that_is_given_stands_and_the_value_never_rises(
    name: str, start: str, end: str
) -> None:
    row = find_row(name)
    base = replace(row.config(), **{start: 0.5, end: 0.1})

    def after(**changes: float) -> tuple[float, float]:
        config = choose(row, "drl/Chain-v0", base, ExperimentConfig(), changes).config
        return getattr(config, start), getattr(config, end)

    assert after(**{start: 0.3}) == (0.3, 0.1)  # it falls still
    assert after(**{start: 0.1}) == (0.1, 0.1)
    assert after(**{start: 0.01}) == (0.01, 0.01)
    assert after(**{end: 0.2}) == (0.5, 0.2)
    assert after(**{end: 0.7}) == (0.7, 0.7)
    assert after(**{start: 0.01, end: 0.1}) == (0.01, 0.1)  # both: as it is said
    assert after(gamma=0.5) == (0.5, 0.1)


@pytest.mark.parametrize("name, start, end", KNOWN)
def test_on_the_command_line_too(name: str, start: str, end: str) -> None:
    """On the environment's preset, or the agent's defaults."""
    env = ENV.get(name, "drl/Chain-v0")
    tuned = choose(find_row(name), env).config
    theirs = getattr(tuned, end)

    def after(*words: str) -> tuple[float, float | None]:
        config = parse(f"train {name}", ["--env", env, *words]).agent
        return getattr(config, start), getattr(config, end)

    first, last = (f"--{flag.replace('_', '-')}" for flag in (start, end))
    assert after(f"{first}=0.9") == (0.9, theirs)
    assert after(first, "0.9", last, "0.95") == (0.9, 0.95)
    assert after(last, "0.0001") == (getattr(tuned, start), 0.0001)
    if theirs is None:
        assert after(first, "1e-9") == (1e-9, None)  # it stays
    elif theirs > 0:
        assert after(first, "1e-9") == (1e-9, 1e-9)
        assert after(first, "1e-9", last, f"{theirs}") == (1e-9, theirs)  # named, as it was
    if theirs is not None and getattr(tuned, start) < 1:
        assert after(f"{last}=1") == (1, 1)


def test_what_stays_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--steps", "64", "--eval-episodes", "2", "--learning-starts", "16", "--log", "none"]
    run = tmp_path / "run"
    assert main(["train", "dqn", "--run", str(run), "--lr", "1e-6", *short]) == 0
    out = capsys.readouterr().out
    assert "--lr stays at 1e-06: --lr-end is the same" in out
    assert "the learning rate over" not in out
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert (settings["lr"], settings["lr_end"]) == (1e-6, 1e-6)
    assert main(["train", "dqn", "--run", str(tmp_path / "two"), "--lr", "1e-4", *short]) == 0
    out = capsys.readouterr().out
    assert "--lr stays" not in out and "the learning rate over" in out


def test_in_a_run_that_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, "--steps", "128", "--log", "none")

    def after(*words: str) -> tuple[float, float]:
        assert main(["resume", str(run), "--json", *words]) == 0
        settings = json.loads((run / "config.json").read_text())["settings"]
        return settings["lr"], settings["lr_end"]

    assert after("--steps", "256", "--lr", "1e-4") == (1e-4, 1e-5)
    assert after("--steps", "384", "--lr", "1e-6") == (1e-6, 1e-6)
    assert after("--steps", "512", "--lr", "1e-7", "--lr-end", "1e-6") == (1e-7, 1e-6)
    result = drl.load_run(run).resume(steps=640, lr_end=1e-5, progress=False)
    assert result.agent.optimizer.schedule(0) == result.agent.optimizer.schedule(10**9) == 1e-5


@pytest.mark.parametrize(
    "config, words",
    [
        (DQNConfig(epsilon_start=0.01), "`epsilon_start=0.01` rises to `epsilon_end=0.05`: give"),
        (PPOConfig(clip_range_end=0.3), "`clip_range=0.2` rises to `clip_range_end=0.3`: give"),
    ],
    ids=["dqn", "ppo"],
)
def test_of_a_config_that_is_complete_it_is_warned(config: Any, words: str) -> None:
    """Nothing tells what of it was given."""
    short: dict[str, Any] = {"steps": 2_000, "eval_episodes": 1, "progress": False}
    name = "dqn" if isinstance(config, DQNConfig) else "ppo"
    with pytest.warns(drl.TrainingWarning, match=words):
        drl.train(name, "drl/Chain-v0", config, **short)
