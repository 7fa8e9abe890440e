"""A new agent is a folder and a row, or a file of the user's; everything else works on it."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shell import CATCH, ROOT, Shell, killed_and_resumed, used

import drl
from agents import Agent, ExperimentConfig
from drl.api.console import TrainingWarning
from drl.errors import UserError
from drl.named import module_of

EXAMPLE = ROOT / "examples" / "own_agent.py"
IGNORED = shutil.ignore_patterns("__pycache__")
SHORT = ExperimentConfig(steps=2_000, num_envs=4, eval_every=1_000, eval_episodes=2, log="minimal")


# -- one folder, one row --------------------------------------------------------------------------
@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Our packages, and an agent that is not ours."""
    home = tmp_path_factory.mktemp("house")
    for package in ("drl", "agents", "envs"):
        shutil.copytree(
            ROOT / package, home / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copytree(ROOT / "tests" / "data" / "made_up", home / "agents" / "made_up")
    tables = home / "drl" / "tables.py"
    row = '    "climber": Row("agents.made_up", "climb hills", RL),\n'
    before = tables.read_text()
    tables.write_text(before.replace('    "dqn": Row(', f'{row}    "dqn": Row('))
    assert tables.read_text() != before
    return Shell(home, home / "runs-of-it")


def test_killed_it_goes_on_to_the_same_bytes(house: Shell) -> None:
    killed_and_resumed(house, "climber", "24000")
    summary = json.loads((house.directory / "whole" / "summary.json").read_text())
    assert summary["job"] == "climber" and summary["best_mean_reward"] > -0.5  # at random: −0.6
    curves = (house.directory / "whole" / "progress.csv").read_text()
    assert "train/climbed" in curves.splitlines()[0]


def test_everything_works_on_it(house: Shell) -> None:
    used(house, "climber")
    assert "climb hills" in house.drl("--help")[0]
    assert "--width" in house.drl("train", "climber", "--help")[0]
    assert "climber" in house.drl("completion", "fish")[0]
    assert "every byte is the same" in house.drl("verify", "whole")[0]
    assert "--width 'much'" in house.fails("train", "climber", "--width", "much")


# -- a file of the user's -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A directory with examples/own_agent.py in it, and nothing else."""
    shell = Shell(ROOT, tmp_path_factory.mktemp("user") / "mine")
    shutil.copy(EXAMPLE, shell.directory / "my_agent.py")
    return shell


def test_a_file_killed_goes_on_to_the_same_bytes(empty: Shell) -> None:
    killed_and_resumed(empty, "my_agent.py", "12000")
    settings = json.loads((empty.directory / "whole" / "config.json").read_text())["settings"]
    assert settings["job"] == str(empty.directory / "my_agent.py")


def test_everything_works_on_a_file(empty: Shell) -> None:
    used(empty, "my_agent.py")
    assert "--gamma" in empty.drl("train", "my_agent.py", "--help")[0]
    file = empty.directory / "my_agent.py"
    said = empty.drl("evaluate", "whole", "--episodes", "2")[1]
    assert said == f"drl: warning: runs the file {file}, which the agent my_agent names\n"
    empty.drl("resume", "whole", "--steps", "15000", "--lr", "0.001")
    settings = json.loads((empty.directory / "whole" / "config.json").read_text())["settings"]
    assert settings["lr"] == 0.001


def test_runs_side_by_side_say_once_what_code_they_run(empty: Shell) -> None:
    short = [*CATCH, "--steps", "2000", "--run", "three"]
    empty.drl("train", "my_agent.py", "--seeds", "3", *short)
    said = empty.drl("resume", "three", "--steps", "3000")[1]
    file = empty.directory / "my_agent.py"
    assert said.count("runs the file") == 1
    assert f"drl: warning: runs the file {file}, which the agent my_agent names\n" in said


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("nowhere.py", "there is no file"),
        ("my_agent.py:Nobody", "has no 'Nobody'"),
        ("my_agent.py:Reinforce", "it has no 'Config'"),
        ("my_agent", "unknown agent 'my_agent'; expected one of dqn"),
    ],
)
def test_what_is_no_agent_is_said_in_one_line(empty: Shell, agent: str, said: str) -> None:
    assert said in empty.fails("train", agent, "--steps", "100")


# -- from Python ----------------------------------------------------------------------------------
def test_a_module_has_all_that_a_run_has(tmp_path: Path) -> None:
    own, run = module_of(str(EXAMPLE)), tmp_path / "run"
    result = drl.train(own, "drl/Catch-v0", run=run, experiment=SHORT, progress=False)
    obs = np.zeros((3, 10, 5, 1), bool)
    assert np.array_equal(result.policy(obs), result.agent.policy()(obs))
    loaded = drl.load_run(run)
    assert np.array_equal(loaded.policy()(obs), result.policy(obs))
    assert loaded.export(tmp_path / "net.npz").net.size == result.net.size
    assert loaded.watch(tmp_path / "a.gif") in (-1.0, 1.0)
    longer = drl.load_run(run).resume(steps=3_000, progress=False)
    whole = drl.train(
        str(EXAMPLE), "drl/Catch-v0", experiment=SHORT, steps=3_000, log_every=250, progress=False
    )
    assert np.array_equal(longer.net.params, whole.net.params)
    with pytest.raises(UserError, match="own_agent.py has no setting 'epsilon'"):
        drl.train(own, "drl/Catch-v0", epsilon=0.1)


def test_an_agent_that_no_file_holds(tmp_path: Path) -> None:
    """As one of a notebook: given again where it is needed, and asked for where it is not."""
    own = module_of(str(EXAMPLE))
    agent, run = SimpleNamespace(Config=own.Config, build=lambda *args: own.build(*args)), tmp_path
    result = drl.train(agent, "drl/Catch-v0", run=run, experiment=SHORT, progress=False)
    result.policy.save(tmp_path / "policy.safetensors")
    for ask in (
        lambda: drl.load_run(run).policy(),
        lambda: drl.load_run(run).resume(steps=3_000, progress=False),
        lambda: drl.load_policy(tmp_path / "policy.safetensors"),
    ):
        with pytest.raises(UserError, match="SimpleNamespace was in no .* agent=") as said:
            ask()
        assert "\n" not in str(said.value)
    policy = drl.load_policy(tmp_path / "policy.safetensors", agent=agent)
    assert np.array_equal(policy.net.params, drl.load_run(run, agent=agent).policy().net.params)
    assert drl.load_run(run, agent=agent).resume(steps=3_000, progress=False).env_steps == 3_000


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class Mine:\n    Config, build = own_agent.Config, own_agent.build", "Mine"),
        ("mine = SimpleNamespace(Config=Config, build=own_agent.build)", "mine"),
    ],
)
def test_a_class_and_an_object_are_found_by_their_file(
    text: str, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "agents_of_mine.py"
    file.write_text(
        "import sys\nfrom types import SimpleNamespace\n"
        f"sys.path.append({str(EXAMPLE.parent)!r})\nimport own_agent\n"
        f"class Config(own_agent.Config):\n    pass\n{text}\n"
    )
    mine = getattr(module_of(str(file)), name)
    run = tmp_path / "run"
    result = drl.train(mine, "drl/Catch-v0", run=run, experiment=SHORT, progress=False)
    assert result.policy.agent == f"{file}:{name}"
    score = drl.load_run(run).evaluate(episodes=4)
    sys.modules.pop(module_of(str(file)).__name__)  # as another process finds it
    with pytest.warns(TrainingWarning, match=f"runs the file {file}, which the agent {name} names"):
        assert drl.load_run(run).evaluate(episodes=4).mean == score.mean


@pytest.mark.parametrize("thing", [3, object(), SimpleNamespace(build=print), np, sys])
def test_what_lacks_an_attribute_is_no_agent(thing: object) -> None:
    with pytest.raises(UserError, match="is no agent: it has no 'Config'"):
        drl.train(thing, "drl/Catch-v0")


def test_what_an_agent_lacks_is_said_in_one_line(tmp_path: Path) -> None:
    own = module_of(str(EXAMPLE))
    half = type("Half", (Agent,), {"act": own.Reinforce.act})
    with pytest.raises(
        UserError, match="cannot be built: .* abstract class Half .*due.*learn"
    ) as said:
        drl.train(SimpleNamespace(Config=own.Config, build=lambda *_: half()), "drl/Catch-v0")
    assert "\n" not in str(said.value)
    other = SimpleNamespace(Config=own.Config, build=lambda config, setup: SimpleNamespace(net=1))
    with pytest.raises(UserError, match="builds is no agent: it lacks about, act, due, .*updates"):
        drl.train(other, "drl/Catch-v0")
