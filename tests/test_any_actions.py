"""Actions that are no number, through the whole house: an agent that no agent of ours is, in
environments of Box (2, 3) float64, MultiDiscrete, MultiBinary and one whole number."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_actions import KINDS, SPACES, Arms
from shell import ROOT, Shell, killed_and_resumed

import drl
from agents.memory.nstep import NStep
from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage
from drl.api.verify import differences
from drl.experiment import checkpoint
from drl.named import module_of

AGENT = ROOT / "tests" / "data" / "any_actions.py"
NAMES = [kind.__name__ for kind in KINDS]
RANDOM = {"Arms": -3.3, "Switches": -4.4, "Bits": -5.0, "Knob": -3.5}  # return of random actions
SHORT = [
    "--num-envs", "4", "--eval-every", "2000", "--checkpoint-every", "200", "--eval-episodes", "4",
    "--log-to", "csv", "--log-every", "100",
]  # fmt: skip


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A directory with the agent and the environments in it."""
    made = Shell(ROOT, tmp_path_factory.mktemp("user") / "mine")
    shutil.copy(AGENT, made.directory / "imitator.py")
    shutil.copy(ROOT / "tests" / "odd_actions.py", made.directory / "odd.py")
    return made


def env(name: str) -> list[str]:
    return ["--env", f"odd.py:{name}", *SHORT]


@pytest.mark.parametrize("name", NAMES)
def test_killed_it_goes_on_to_the_same_bytes(shell: Shell, name: str) -> None:
    own = Shell(ROOT, shell.directory / name)
    for file in ("imitator.py", "odd.py"):
        shutil.copy(shell.directory / file, own.directory)
    killed_and_resumed(own, "imitator.py", "6000", env(name))
    summary = json.loads((own.directory / "whole" / "summary.json").read_text())
    assert summary["best_mean_reward"] > 0.75 * RANDOM[name]  # what it learns from arrives

    # processes: the same bytes
    own.drl("train", "imitator.py", *env(name), "--steps", "6000", "--env-workers", "2",
            "--run", "workers")  # fmt: skip
    states = [checkpoint.load(sorted((own.directory / run / "checkpoints").glob("step-*"))[-1])
              for run in ("whole", "workers")]  # fmt: skip
    assert [where for where, *_ in differences(*states) if "env_workers" not in where] == []

    # evaluated, from the run and from the policy's file; watched; exported
    score = own.json("evaluate", "whole", "--episodes", "5")
    assert score == own.json("evaluate", "whole/checkpoints/best.safetensors", "--episodes", "5")
    own.drl("watch", "whole", "--out", "episode.gif")
    assert (own.directory / "episode.gif").read_bytes()[:3] == b"GIF"
    own.drl("export", "whole", "--out", "net.npz")
    about = json.loads(str(np.load(own.directory / "net.npz")["description"]))
    kind = next(kind for kind in KINDS if kind.__name__ == name)
    assert drl.spaces.from_json(about["action_space"]) == kind.action_space
    curves = (own.directory / "whole" / "progress.csv").read_text().splitlines()
    assert "train/loss" in curves[0]
    assert "every byte is the same" in own.drl("verify", "whole")[0]


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_policys_file_and_back(kind: Any, tmp_path: Path) -> None:
    own = module_of(str(AGENT))
    result = drl.train(own, kind, steps=800, num_envs=2, eval_every=400, eval_episodes=2,
                       progress=False)  # fmt: skip
    policy = result.policy
    policy.save(tmp_path / "policy.safetensors")
    again = drl.load_policy(tmp_path / "policy.safetensors")
    assert again.action_space == kind.action_space
    obs = np.random.default_rng(0).random((5, 6)).astype(np.float32)
    assert policy(obs).dtype == kind.action_space.dtype
    assert policy(obs).shape == (5, *kind.action_space.shape)
    assert again(obs).tobytes() == policy(obs).tobytes()
    assert again(obs[0]).tobytes() == policy(obs[0]).tobytes()
    assert np.shape(policy(obs[0])) == kind.action_space.shape


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_memory_keeps_an_actions_shape_and_dtype(space: Any) -> None:
    def made() -> NStep:
        storage, rng = ArrayStorage((1,), np.float32), np.random.default_rng(0)
        sampler = UniformSampler(50, 8, rng)
        replay = ReplayBuffer(50, 8, storage, sampler, space.shape, space.dtype)
        return NStep(replay, 3, 0.5, 2)

    nstep, rng = made(), np.random.default_rng(1)
    space.seed(3)
    given = []
    for t in range(9):
        given.append(np.array([space.sample(), space.sample()], space.dtype))
        obs, never = np.full((2, 1), t, np.float32), np.zeros(2, bool)
        nstep.add(obs, given[-1], rng.random(2), never, never, obs + 1)
    again = made()
    again.load_state(nstep.state())
    again.replay.load_state(nstep.replay.state())
    for memory in (nstep, again):
        batch = memory.replay.sample()
        assert batch.a.dtype == space.dtype and batch.a.shape == (8, *space.shape)
        for action, obs, row in zip(batch.a, batch.s, batch.rows, strict=True):
            assert np.array_equal(action, given[int(obs[0])][row % 2])  # beside its own observation
    assert again.a.tobytes() == nstep.a.tobytes() and nstep.a.dtype == space.dtype


def test_what_it_does_not_take_is_said_with_who_does(shell: Shell) -> None:
    said = shell.fails("train", "imitator.py", "--env", "CartPole-v1", "--steps", "100")
    assert "imitator takes MultiDiscrete, MultiBinary and Box actions, found Discrete(2)" in said
    assert "try dqn" in said  # from the table


def test_an_environment_of_the_users_is_evaluated_in_any_process(shell: Shell) -> None:
    """One env in a policy's file, of another action space by now."""
    own = module_of(str(AGENT))
    run = shell.directory / "moved"
    drl.train(own, Arms, run=run, steps=400, num_envs=2, eval_episodes=2, progress=False)
    smaller = type("Arms", (Arms,), {"action_space": type(Arms.action_space)(-1.0, 1.0, (2, 3))})
    with pytest.raises(drl.errors.UserError, match="learnt Box.*float64.*Arms has Box"):
        drl.load_run(run).evaluate(episodes=2, env=smaller)
