"""A DQN on actions that are no single number: by their number in a table, which every file has."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from made import setup
from odd_actions import Arms, Bits, Masked, Switches

import drl
from agents import DQNConfig, build_dqn
from agents.row import find_row
from drl import tables
from drl.cli.main import main
from drl.environment import Step
from drl.errors import UserError
from drl.experiment import checkpoint

QUICK: dict[str, Any] = {
    "steps": 600, "num_envs": 4, "learning_starts": 100, "eval_episodes": 2, "progress": False,
}  # fmt: skip
PENDULUM = [[-2.0], [-1.0], [0.0], [1.0], [2.0]]


def agent(space: Any, discretise: int | None = None, **settings: Any) -> Any:
    """In two such environments, greedy from the start."""
    about = setup((3,), num_envs=2)
    about = type(about)(about.observation_space, space, 2)
    greedy = {"epsilon_start": 0.0, "epsilon_end": 0.0, "hidden": (8,)}
    return build_dqn(DQNConfig(discretise=discretise, **greedy, **settings), about)


# -- by hand --------------------------------------------------------------------------------------
def test_it_acts_in_the_environments_units_and_remembers_numbers() -> None:
    dqn = agent(Box(-2.0, 2.0, (1,), np.float32), 5)
    obs = np.array([[1, 2, 3], [-3, 0, 1]], np.float32)
    q = dqn.policy().q(obs)
    assert q.shape == (2, 5)
    best = q.argmax(axis=1)
    acted = dqn.act(obs, 0)
    assert acted.dtype == np.float32 and acted.tolist() == [PENDULUM[best[0]], PENDULUM[best[1]]]
    assert dqn.policy()(obs).tolist() == acted.tolist()
    assert dqn.policy()(obs[0]).shape == (1,)
    never = np.zeros(2, bool)
    dqn.observe(obs, acted, Step(obs, np.zeros(2), never, never, obs))
    assert dqn.replay.action[:2].tolist() == best.tolist()


@pytest.mark.parametrize(
    "more", [{"head": "c51"}, {"head": "qr"}, {"head": "iqn"}, {"dueling": True, "noisy": True}],
    ids=str,
)  # fmt: skip
def test_every_head_has_the_tables_actions(more: dict[str, Any]) -> None:
    dqn = agent(Box(np.array([-1, 0]), np.array([1, 9]), dtype=np.float64), 3, **more)
    obs = np.ones((2, 3), np.float32)
    assert dqn.policy().q(obs).shape == (2, 9)
    assert dqn.act(obs, 0).shape == (2, 2) and dqn.act(obs, 0).dtype == np.float64


def test_masks_of_each_number_forbid_their_combinations() -> None:
    """Exploring, greedy, in V, and in the memory for the next observation."""
    dqn = agent(MultiDiscrete([2, 3]))
    obs = np.array([[1, 2, 3], [-3, 0, 1]], np.float32)
    mask = np.array([[1, 0, 0, 1, 1], [0, 1, 1, 0, 0]], bool)
    allowed = np.array([[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]], bool)
    q = np.where(allowed, dqn.policy().q(obs), -np.inf)
    best = [divmod(int(i), 3) for i in q.argmax(axis=1)]
    acted = dqn.act(obs, 0, mask)
    assert [tuple(action) for action in acted.tolist()] == best
    assert np.allclose(dqn.policy().value(obs, mask), q.max(axis=1))
    assert dqn.policy()(obs, mask).tolist() == acted.tolist()
    never = np.zeros(2, bool)
    info = {"action_mask": mask[::-1], "final_action_mask": mask[::-1]}
    dqn.observe(obs, acted, Step(obs, np.zeros(2), never, never, obs, info))
    bits = np.unpackbits(dqn.replay.masks[:2], axis=-1, count=6).astype(bool)
    assert bits[:, 0].tolist() == allowed.tolist() and bits[:, 1].tolist() == allowed[::-1].tolist()
    with pytest.raises(UserError, match="mask of observation 1 allows nothing"):
        dqn.policy()(obs, np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], bool))
    with pytest.raises(UserError, match="Box.* actions have none: leave it out"):
        agent(Box(-1, 1, (1,)), 3).policy()(obs, np.ones((2, 3), bool))


# -- it learns ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("env", "more", "random", "best"),
    [(Switches, {}, -4.4, -1.5), (Bits, {}, -5.0, -2.5), (Masked, {}, -4.4, -2.5),
     (Arms, {"discretise": 2}, -3.3, -2.5)],
)  # fmt: skip
def test_it_learns(env: Any, more: dict[str, Any], random: float, best: float) -> None:
    """Each number follows its own part of what is seen; random, best: returns.  Masked asserts that
    nothing forbidden is done: an EnvWarning otherwise."""
    settings = {"steps": 6_000, "num_envs": 4, "gamma": 0.0, "hidden": (64,), "lr": 3e-3}
    result = drl.train("dqn", env, **settings, **more, eval_episodes=20, eval_every=3_000,
                       learning_starts=200, epsilon_fraction=0.5, progress=False)  # fmt: skip
    assert result.mean_reward is not None
    assert result.mean_reward > (random + best) / 2
    assert result.summary["env_restarts"] == 0


@pytest.mark.slow
def test_pendulum_is_swung_up() -> None:
    """Random play has about −1,200; the best of it about −142 (benchmarks/RESULTS.md)."""
    result = drl.train("dqn", "drl/Pendulum-v1", seed=21, progress=False)
    policy = result.agent.policy()
    assert result.mean_reward is not None and result.mean_reward > -200
    assert policy.config.discretise and policy.action_space == Box(-2.0, 2.0, (1,), np.float32)


# -- what is told of it ---------------------------------------------------------------------------
def test_the_table_is_said_and_in_every_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["--env", "drl/Pendulum-v1", "--discretise", "5", "--steps", "400", "--log", "none"]
    assert main(["train", "dqn", *words, "--eval-episodes", "2", "--run", str(run)]) == 0
    said = "actions: Box(-2 … 2, (1,), float32) as 5: [-2.0], [-1.0], [0.0], [1.0], [2.0]"
    assert said in capsys.readouterr().out.splitlines()
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert settings["discretise"] == 5 and settings["action_values"] == [[-2, -1, 0, 1, 2]]
    state = checkpoint.load(run / "checkpoints" / "best.safetensors")
    assert state["policy"]["action_values"] == settings["action_values"]
    loaded = drl.load_run(run)
    assert loaded.policy().actions.table.tolist() == PENDULUM
    obs = np.zeros((3, 3), np.float32)
    assert loaded.policy()(obs).shape == (3, 1)
    assert main(["evaluate", str(run), "--episodes", "2"]) == 0

    capsys.readouterr()
    assert main(["export", str(run), "--out", str(tmp_path / "net.npz")]) == 0
    assert said in capsys.readouterr().out.splitlines()
    about = json.loads(str(np.load(tmp_path / "net.npz")["description"]))
    assert about["actions"] == PENDULUM and about["action_space"]["kind"] == "Box"
    exported = loaded.export(tmp_path / "net.pt")
    assert exported.told == [said]
    onnx = pytest.importorskip("onnx")
    loaded.export(tmp_path / "net.onnx")
    props = {p.key: p.value for p in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert json.loads(props["actions"]) == PENDULUM


def test_a_file_keeps_the_numbering_that_it_was_written_with(tmp_path: Path) -> None:
    dqn = agent(Box(-2.0, 2.0, (1,), np.float32), 5)
    state = dqn.policy().state()
    state["policy"]["action_values"] = [[-2.0, -0.5, 0.0, 0.5, 2.0]]  # as another version cut it
    checkpoint.save(tmp_path / "policy.safetensors", state)
    policy: Any = drl.load_policy(tmp_path / "policy.safetensors")
    assert policy.actions.table.tolist() == [[-2], [-0.5], [0], [0.5], [2]]


@pytest.mark.parametrize(
    "values",
    [
        [[-2.0, 0.0, 2.0]], [[-2.0, 0.0, -1.0, 1.0, 2.0]], [[-9.0, -1.0, 0.0, 1.0, 2.0]], [], [[]],
        [[-2.0, -1.0, 0.0, 1.0, "x"]], 3, [[-2.0, -1.0, 0.0, 1.0, None]],
        [[-2.0, -1.0, 0.0, 1.0, 2.0]] * 2, [[0.0] * 2**13],
    ],
)  # fmt: skip
def test_a_damaged_table_is_refused(values: Any, tmp_path: Path) -> None:
    state = agent(Box(-2.0, 2.0, (1,), np.float32), 5).policy().state()
    state["policy"]["action_values"] = values
    checkpoint.save(tmp_path / "policy.safetensors", state)
    with pytest.raises(UserError) as error:
        drl.load_policy(tmp_path / "policy.safetensors")
    assert "\n" not in str(error.value)


class Wider(Arms):
    """Its bounds are an argument."""

    def __init__(self, far: float = 5.0, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.action_space = Box(-3.0, far, (2, 3), np.float64)


def test_a_run_whose_environment_has_other_actions_by_now_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    drl.train("dqn", lambda: Wider(), run=run, discretise=2, **QUICK)
    with pytest.raises(UserError, match=r"other actions than .* \(action_values\): put back"):
        drl.load_run(run).resume(steps=900, env=lambda: Wider(9.0), progress=False)
    drl.load_run(run).resume(steps=900, env=lambda: Wider(), progress=False)


def test_what_cannot_change_is_said(tmp_path: Path) -> None:
    run = tmp_path / "run"
    drl.train("dqn", "drl/Pendulum-v1", run=run, discretise=3, **QUICK)
    with pytest.raises(UserError, match="discretise"):
        drl.load_run(run).resume(steps=900, discretise=5, progress=False)
    with pytest.raises(UserError, match="discretise is 3 there, 5 here"):
        drl.train("dqn", "drl/Pendulum-v1", discretise=5, init_from=run, **QUICK)


@pytest.mark.parametrize(
    ("env", "settings", "said"),
    [
        ("CartPole-v1", {"discretise": 5}, "`discretise=5` is for Box actions, found Discrete"),
        ("drl/Pendulum-v1", {"discretise": 1}, "discretise=1 is not possible: give 2 or more"),
        (Arms, {"discretise": 9}, r"are 531,441 by `discretise=9`, 4,096 .* \(`discretise=4`"),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_said_in_one_line(
    env: Any, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        drl.train("dqn", env, **settings, **QUICK)
    assert "\n" not in str(error.value)


# -- which agent takes which ----------------------------------------------------------------------
@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table of agents with made-up rows alone, beside DQN; afterwards as it was, in its order."""
    before = dict(tables.AGENTS)

    def add(**kinds: tuple[str, ...]) -> None:
        for name in set(tables.AGENTS) - {"dqn"}:
            del tables.AGENTS[name]
        for name, actions in kinds.items():
            module: Any = ModuleType(f"made_up_{name}")
            module.Config, module.build, module.ACTIONS = DQNConfig, build_dqn, actions
            monkeypatch.setitem(sys.modules, module.__name__, module)
            tables.AGENTS[name] = tables.Row(module.__name__, "made up", tables.RL)

    yield add
    tables.AGENTS.clear()
    tables.AGENTS.update(before)


BOX = Box(-2.0, 2.0, (1,), np.float32)
REFUSED = "dqn takes Discrete, MultiDiscrete and MultiBinary actions, found Box"


def test_the_sentence_grows_with_the_table(rows: Any) -> None:
    def said(name: str, space: Any) -> str | None:
        row = find_row(name)
        return row.refused(row.config(), space)

    rows()
    assert said("dqn", BOX) == (
        f"{REFUSED}(-2 … 2, (1,), float32): give `discretise=5`"
    )  # fmt: skip
    rows(one=("Box",))
    assert said("dqn", BOX).endswith(": try one, or `discretise=5`")
    rows(one=("Box", "Discrete"), two=("Discrete",), three=("Box",))
    assert said("dqn", BOX).endswith(": try one or three, or `discretise=5`")
    assert said("three", Discrete(2)).endswith("found Discrete(2): try dqn, one or two")
    assert said("two", MultiBinary(2)) == (
        "two takes Discrete actions, found MultiBinary(2,): try dqn"
    )
    rows(three=("Box",))
    assert said("dqn", MultiBinary(3)) is None and said("three", BOX) is None
    dqn = find_row("dqn")
    assert dqn.refused(dqn.config(discretise=5), BOX) is None


def test_what_is_too_large_for_a_table_names_others_too(rows: Any) -> None:
    rows(one=("MultiDiscrete",))
    large = type("Large", (Switches,), {"action_space": MultiDiscrete([100, 100, 100])})
    with pytest.raises(UserError, match="Large: Multi.* are 1,000,000, 4,096 at most.*: try one$"):
        drl.train("dqn", large, **QUICK)
    rows()
    with pytest.raises(UserError, match="go into a table: choose another env$"):
        drl.train("dqn", large, **QUICK)


def test_an_agent_that_does_not_say_is_not_asked(rows: Any) -> None:
    rows()
    row = find_row("dqn")
    silent = type(row)("mine", row.config, row.build)
    assert silent.refused(silent.config(), BOX) is None


def test_the_doctor_examines_what_an_agent_cannot_have() -> None:
    report = drl.doctor("Pendulum-v1", "dqn")
    first = report.findings[0]
    assert first.mark in ("ok", "look") and not report.failed
    found = {finding.name: finding.text for finding in report.findings}
    assert found["repeats by replay"].startswith("an episode under way can be played again")
    assert "symmetric" not in found["Gymnasium's checker"]
