"""Trainings in environments that tell which actions are allowed, whole."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from made import NEVER, dqn_in, task

import drl
from agents import Bounded, DQNConfig, Munchausen, Parts, Target, best_action, evaluate, q_target
from agents.agent import Agent
from agents.player import Act, Memoryless
from agents.value_bias import ValueBias
from agents.video import video
from drl.api.score import score
from drl.api.watch import Episode
from drl.errors import EnvFailed
from drl.experiment import checkpoint
from envs import NumpyEnv, make, source

pytestmark = pytest.mark.filterwarnings("ignore:runs the file")  # which this one has imported
# Three states, one after the other.   state: what is allowed and what it does
#   0  action 1: on
#   1  action 0: the end, reward ½;   action 1: on
#   2  action 2: the end, reward 1
ALLOWED = np.array([[False, True, False], [True, True, False], [False, False, True]])
PAID = np.array([[np.nan, 0, np.nan], [0.5, 0, np.nan], [np.nan, np.nan, 1.0]])
ENDS = np.array([[False, False, False], [True, False, False], [False, False, True]])
GAMMA = 0.9
VALUES = [0.81, 0.9, 1.0]  # of the best allowed action


class Three(NumpyEnv):
    """All N at once."""

    observation_space = Box(0, 1, (3,), np.float32)
    action_space = Discrete(3, start=0)

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
        state = rows[0].astype(int)
        assert ALLOWED[state, actions].all(), "not allowed"
        ends = ENDS[state, actions]
        return rows + ~ends, PAID[state, actions], ends

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[rows[0].astype(int)]

    def action_masks(self, rows: np.ndarray) -> np.ndarray:
        return ALLOWED[rows[0].astype(int)]

    def render(self) -> np.ndarray:
        return np.full((8, 8, 3), int(self.rows[0, 0]), np.uint8)


class Walk(gym.Env[np.ndarray, int]):
    """Cells 0 … 5, from a random one; left and right, but not through the ends; −1 each step."""

    observation_space = Box(0, 1, (6,), np.float32)
    action_space = Discrete(3, start=1)  # left, stay, right
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def answer(self) -> Any:
        mask = np.array([self.x > 0, self.t % 3 == 0, self.x < 5], np.int8)
        return np.eye(6, dtype=np.float32)[self.x], {"action_mask": mask}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x, self.t = int(self.np_random.integers(5)), 0
        return self.answer()

    def step(self, action: int) -> Any:
        assert self.answer()[1]["action_mask"][action - 1], "not allowed"
        self.x, self.t = self.x + action - 2, self.t + 1
        return *self.answer()[:1], -1.0, self.x == 5, self.t == 9, self.answer()[1]

    def render(self) -> np.ndarray:
        return np.full((8, 8, 3), self.x, np.uint8)


class Fetched(Walk):
    """Asked for its masks, with a state of its own."""

    def answer(self) -> Any:
        return super().answer()[0], {"action_mask": self.action_masks()}

    def action_masks(self) -> np.ndarray:
        return super().answer()[1]["action_mask"].astype(bool)  # type: ignore[no-any-return]

    def state(self) -> dict[str, Any]:
        return {"x": self.x, "t": self.t, "rng": self.np_random.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        self.x, self.t = state["x"], state["t"]
        self.np_random.bit_generator.state = state["rng"]


ENVS = pytest.mark.parametrize("env", [Three, Walk, Fetched])
QUICK: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 32, "eval_every": 100, "eval_episodes": 4, "hidden": (16,),
    "checkpoint_every": 60, "log_every": 20, "log": "minimal", "progress": False,
}  # fmt: skip
VARIANTS = [
    {}, {"n_step": 3, "bootstrap": "munchausen", "backend": "torch"},
    {"prioritized": True, "head": "c51"}, {"ez_mu": 2.0, "head": "iqn"},
]  # fmt: skip


@pytest.mark.parametrize("bootstrap", ["max", "double"])
def test_the_values_of_three_states(bootstrap: Any) -> None:
    """Forbidden actions begin at Q = 5, above all that can be reached: a maximum that took them in
    would carry them into the values."""
    config = DQNConfig(
        hidden=(), gamma=GAMMA, bootstrap=bootstrap, lr=0.02, lr_end=0.001, lr_steps=3_000,
        learning_starts=64, buffer_size=2_000, tau=0.1, target_period=1, value_bound=None,
        epsilon_start=1.0, epsilon_end=1.0, updates_per_step=0.5,
    )  # fmt: skip

    def trained(forget: bool) -> np.ndarray:
        envs = Three(num_envs=8, seed=1)
        agent = dqn_in(config, envs)
        agent.net.params[-3:] += 5.0
        agent.target_net.copy_from(agent.net)
        if forget:
            told = agent.bootstrap
            agent.bootstrap = lambda head, net, target_net, batch: told(
                head, net, target_net, batch._replace(next_mask=None)
            )
        for _ in task(agent, envs).run(6_000):
            pass
        return agent.policy().value(np.eye(3, dtype=np.float32), ALLOWED)

    assert trained(forget=False) == pytest.approx(VALUES, abs=0.01)
    assert trained(forget=True)[0] > 1  # what has to be tested for can happen


@ENVS
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_no_forbidden_action_anywhere(env: Any, variant: Any, tmp_path: Path) -> None:
    """Every environment here fails on one: in training, evaluations, scores, images."""
    result = drl.train("dqn", env, steps=300, seed=2, run=tmp_path, **QUICK | variant)
    assert result.env_steps == 300
    run = drl.load_run(tmp_path)
    assert run.evaluate(episodes=10).restarts == 0
    assert len(score(run.policy(), source(env), 3).returns) == 3
    assert len(video(source(env), run.policy(), 3).frames) > 0
    episode = Episode(run.policy(), source(env))
    assert len(list(episode)) - 1 == episode.length > 0 and not episode.cut
    episode.close()


@ENVS
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_run_that_goes_on_is_the_run_that_was_not_stopped(
    env: Any, variant: Any, tmp_path: Path
) -> None:
    settings = QUICK | variant | {"epsilon_steps": 200, "lr_steps": 50, "priority_beta_steps": 50}
    drl.train("dqn", env, steps=400, seed=3, run=tmp_path / "whole", **settings)
    drl.train("dqn", env, steps=220, seed=3, run=tmp_path / "parts", **settings)
    half = drl.load_run(tmp_path / "parts")
    half.resume(steps=400, progress=False)
    whole = drl.load_run(tmp_path / "whole")
    newest = [
        checkpoint.load(sorted((run / "checkpoints").glob("step-*"))[-1])["task"]
        for run in (tmp_path / "whole", tmp_path / "parts")
    ]
    one, two = newest
    assert one["mask"].any(axis=1).all() and np.array_equal(one["mask"], two["mask"])
    assert np.array_equal(one["obs"], two["obs"])
    for part in ("net", "target_net"):
        assert one["agent"][part].tobytes() == two["agent"][part].tobytes()
    memory, its = one["agent"]["replay"], two["agent"]["replay"]
    assert memory["masks"].tobytes() == its["masks"].tobytes() and len(memory["masks"]) > 300
    assert np.unpackbits(memory["masks"], axis=-1, count=3).sum(axis=-1).min() == 1
    assert whole.verify().same and whole.verify("checkpoint").same


@ENVS
def test_training_environments_that_were_lent(env: Any) -> None:
    """An evaluation in them, then new episodes with their masks."""
    envs = source(env)(num_envs=2, seed=0)
    config = DQNConfig(hidden=(4,), learning_starts=NEVER, epsilon_start=1.0, epsilon_end=1.0)
    made = task(dqn_in(config, envs), envs, eval_envs=0, eval_every=20, eval_episodes=2)
    for _ in made.run(20):
        pass
    made.evaluate()
    assert made.mask is not None and made.mask.any(axis=1).all()
    for _ in made.run(200):
        pass


def test_a_vectorised_gymnasium_env_knows_of_masks_once_its_state_is_back() -> None:
    envs, again = make(Walk, 2, 0), make(Walk, 2, 0)
    envs.reset()
    step = envs.step(np.array([2, 2]))
    state = envs.state()
    assert state is not None and step.mask is not None
    again.load_state(state)
    one, two = envs.step(np.array([3, 3])), again.step(np.array([3, 3]))
    assert one.mask is not None and two.mask is not None
    assert np.array_equal(one.mask, two.mask)


@pytest.mark.parametrize("wrong", [None, np.ones((2, 3), np.int8), np.zeros((2, 3), bool)])
def test_a_checkpoint_whose_mask_is_wrong(wrong: Any) -> None:
    envs = Three(num_envs=2, seed=0)
    made = task(dqn_in(DQNConfig(hidden=(4,), learning_starts=NEVER), envs), envs)
    for _ in made.run(20):
        pass
    state = made.state() | {"mask": wrong}
    again = task(dqn_in(DQNConfig(hidden=(4,), learning_starts=NEVER), envs), Three(num_envs=2))
    with pytest.raises(ValueError, match="mask"):
        again.load_state(state)


def test_what_the_policy_estimates_is_over_allowed_actions() -> None:
    """ValueBias: V(s₀), and V(s_T) where the clock cuts."""
    asked: list[list[list[bool]]] = []

    def value(obs: np.ndarray, mask: np.ndarray) -> np.ndarray:
        asked.append(mask.tolist())
        return np.full(len(obs), 7.0)

    def scored(act: Act, envs: Three) -> ValueBias:
        probe = ValueBias(GAMMA)
        policy = SimpleNamespace(player=lambda count: Memoryless(act, value))
        evaluate(policy, envs, 2, watch=probe)
        return probe

    probe = scored(lambda obs, mask: mask.argmax(axis=1), Three(num_envs=2, time_limit=2))
    # greedy by position: 0 → 1, then action 0 ends with ½ at the same time as the clock
    assert asked == [[ALLOWED[0].tolist()] * 2]
    assert probe.realised().tolist() == [0.45, 0.45]
    asked.clear()
    probe = scored(lambda obs, mask: np.where(mask[:, 1], 1, 2), Three(num_envs=2, time_limit=2))
    assert probe.realised().tolist() == pytest.approx([0.81 * 7.0] * 2)
    assert asked == [[ALLOWED[0].tolist()] * 2, [ALLOWED[2].tolist()] * 2]


def test_a_mask_that_forbids_everything_is_named() -> None:
    class Stuck(Three):
        def action_masks(self, rows: np.ndarray) -> np.ndarray:
            free = super().action_masks(rows).copy()
            free[1] &= rows[0, 1] == 0
            return free

    envs = Stuck(num_envs=3)
    made = task(dqn_in(DQNConfig(hidden=(4,), learning_starts=NEVER), envs), envs)
    with pytest.raises(
        EnvFailed, match=r"Stuck \(environment 1\) gave an action mask that allows n"
    ):
        for _ in made.run(30):
            pass


def test_an_agent_of_ones_own_is_given_the_masks() -> None:
    envs = Three(num_envs=2)
    made = task(dqn_in(DQNConfig(hidden=(4,), learning_starts=NEVER), envs), envs)
    agent: Agent = made.agent
    given: list[Any] = []
    acts = agent.act

    def act(obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        given.append((obs.argmax(axis=1), mask))
        return acts(obs, env_steps, mask)

    agent.act = act  # type: ignore[method-assign]
    for _ in made.run(40):
        pass
    assert len(given) == 20
    assert all(np.array_equal(ALLOWED[states], mask) for states, mask in given)


# -- a target of one's own -----------------------------------------------------------------------
def over_all(head: Any, net: Any, target_net: Any, batch: Any) -> Target:
    z = head.outputs(target_net, batch.s_next)
    return Target(batch.r, batch.discount, head.at(z, net.ops.argmax(head.mean(z), axis=1)))


def over_allowed(head: Any, net: Any, target_net: Any, batch: Any) -> Target:
    z = head.outputs(target_net, batch.s_next)
    best = best_action(net.ops, head.mean(z), batch.next_mask)
    return Target(batch.r, batch.discount, head.at(z, best))


def halved(head: Any, net: Any, target_net: Any, batch: Any) -> Target:
    """One of ours, of another batch."""
    return q_target(head, net, target_net, batch._replace(r=batch.r / 2))


SHORT: dict[str, Any] = {
    "steps": 96, "learning_starts": 32, "eval_every": 48, "eval_episodes": 1, "num_envs": 4,
    "progress": False,
}  # fmt: skip


def test_a_target_that_ignores_masks_is_warned_of_once(tmp_path: Path) -> None:
    said = "does not look at `batch.next_mask`"
    with pytest.warns(drl.TrainingWarning, match=said) as warned:
        drl.train("dqn", Three, parts=Parts(bootstrap=over_all), run=tmp_path / "run", **SHORT)
    assert len(warned) == 1
    with pytest.warns(drl.TrainingWarning, match=said):
        drl.train("dqn", Three, parts=Parts(bootstrap=Bounded(over_all, -9, 9)), **SHORT)
    with pytest.warns(drl.TrainingWarning, match=said):
        drl.load_run(tmp_path / "run").resume(steps=128, progress=False)


@pytest.mark.parametrize("target", [over_allowed, halved, q_target, Munchausen()])
def test_one_that_looks_at_them_is_not(target: Any) -> None:
    drl.train("dqn", Three, parts=Parts(bootstrap=target), **SHORT)


def test_nor_one_where_there_are_no_masks() -> None:
    drl.train("dqn", "drl/Catch-v0", parts=Parts(bootstrap=over_all), **SHORT)


def test_an_eye_on_it_changes_nothing() -> None:
    for target, ours in ((over_allowed, q_target), (Munchausen(), Munchausen())):
        nets = [drl.train("dqn", Three, parts=Parts(bootstrap=t), **SHORT).net.params
                for t in (target, ours)]  # fmt: skip
        assert nets[0].tobytes() == nets[1].tobytes()


# -- memory --------------------------------------------------------------------------------------
class Wide(Three):
    """20,000 actions: masks take more room than observations."""

    action_space = Discrete(20_000)

    def action_masks(self, rows: np.ndarray) -> np.ndarray:
        masks = np.zeros((rows.shape[1], 20_000), bool)
        masks[:, :3] = super().action_masks(rows)
        return masks


def test_masks_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    agent = dqn_in(DQNConfig(hidden=(4,), buffer_size=100_000), make(Wide, 1, 1))
    assert agent.replay.mask_bytes == 100_000 * 2 * 2_500
    before = agent.nbytes
    assert agent.replay._no_masks().nbytes == agent.replay.mask_bytes
    assert "0.466 more where actions are masked" in agent.about()[0]
    assert before > agent.replay.mask_bytes
    monkeypatch.setattr("drl.nn.memory.physical_memory", lambda: 2.0**28)
    with pytest.raises(drl.UserError, match="the replay memory of 100,000 transitions takes 0.5"):
        drl.train("dqn", Wide, buffer_size=100_000, hidden=(4,), **SHORT | {"steps": 200_000})
