"""Policies with a state, whole: predict, evaluations, checkpoints, the ladder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import setup, task
from shell import ROOT, Shell, killed_and_resumed, used

import drl
from agents import ExperimentConfig, RecurrentPolicy, evaluate
from agents.row import row_of
from agents.value_bias import ValueBias
from drl.api.ladder import climb
from drl.errors import UserError
from drl.named import module_of
from envs import Step
from envs.probes import ProbeMemory

EXAMPLE = ROOT / "examples" / "own_recurrent_agent.py"
own = module_of(str(EXAMPLE))
SHORT = ExperimentConfig(steps=6_000, num_envs=4, eval_every=3_000, eval_episodes=20, log="minimal")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("remembering") / "run"
    drl.train(own, "drl/ProbeMemory-v0", run=directory, experiment=SHORT, progress=False)
    return directory


@pytest.fixture
def policy(run: Path) -> RecurrentPolicy:
    found = drl.load_run(run).policy()
    assert isinstance(found, RecurrentPolicy)
    return found


class Accumulator(RecurrentPolicy):
    """Its state is the sum of what it has seen and how often it has looked; its action, whether the
    sum is odd."""

    @property
    def state_size(self) -> int:
        return 2

    def step(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        h = h + np.stack([obs[:, 0], np.ones(len(obs))], axis=1).astype(h.dtype)
        actions = h[:, 0].astype(int) % 2
        return actions if mask is None else mask.argmax(axis=1), h

    def value_after(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray:
        return np.asarray(h[:, 1] + obs[:, 0], np.float64)


def accumulator() -> Accumulator:
    return Accumulator(own.Config(), setup((1,)), drl.MLP(1, 2, (), backend="numpy"))


# -- predict --------------------------------------------------------------------------------------
def test_predict_hands_the_state_on() -> None:
    p = accumulator()
    actions, h = p.predict(np.array([[1.0], [2.0]]))
    assert (actions.tolist(), h.tolist()) == ([1, 0], [[1, 1], [2, 1]])
    actions, h = p.predict(np.array([[2.0], [3.0]]), h)
    assert (actions.tolist(), h.tolist()) == ([1, 1], [[3, 2], [5, 2]])
    before = h.copy()
    actions, after = p.predict(np.array([[2.0], [2.0]]), h, episode_start=np.array([True, False]))
    assert (actions.tolist(), after.tolist()) == ([0, 1], [[2, 1], [7, 3]])
    assert np.array_equal(h, before), "the caller's state was written over"


def test_one_observation_gives_one_action() -> None:
    p = accumulator()
    action, h = p.predict(np.array([3.0]))
    assert np.ndim(action) == 0 and action == 1 and h.tolist() == [[3, 1]]
    action, h = p.predict(np.array([1.0]), h, episode_start=False)
    assert action == 0 and h.tolist() == [[4, 2]]
    assert p.predict(np.array([1.0]), h, np.ones(1, bool))[1].tolist() == [[1, 1]]
    assert p.predict(np.array([1.0]), action_masks=np.array([False, True]))[0] == 1


def test_without_its_state_it_is_not_asked() -> None:
    p, obs = accumulator(), np.zeros((2, 1))
    for ask in (lambda: p(obs), lambda: p(obs[0]), lambda: p.act_batch(obs), lambda: p.value(obs)):
        with pytest.raises(UserError, match=r"remembers .* `actions, state = policy.predict") as e:
            ask()
        assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("state", "start", "said"),
    [
        (np.zeros((2, 3)), None, r"state of shape \(2, 3\) for 2 observations, expected \(2, 2\)"),
        (np.zeros((1, 2)), None, r"expected \(2, 2\)"),
        ("nothing", None, r"shape \(\)"),
        (None, np.zeros(3), "3 `episode_start` for 2 observations"),
    ],
)
def test_what_does_not_fit_is_one_line(state: Any, start: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        accumulator().predict(np.zeros((2, 1)), state, start)
    with pytest.raises(UserError, match="NaN"):
        accumulator().predict(np.full((2, 1), np.nan))


def test_the_loop_of_stable_baselines3_gets_what_an_evaluation_gets(
    policy: RecurrentPolicy,
) -> None:
    """`evaluate_policy`: states and episode starts as it keeps them."""
    env, total, episodes = ProbeMemory(num_envs=5, seed=3), 0.0, 0
    obs, _ = env.reset()
    states, starts = None, np.ones(5, bool)
    for _ in range(40):
        actions, states = policy.predict(
            obs, state=states, episode_start=starts, deterministic=True
        )
        step = env.step(actions)
        obs, starts = step.obs, step.terminated | step.truncated
        total, episodes = total + step.reward.sum(), episodes + int(starts.sum())
    assert (total, episodes) == (50, 50)
    assert evaluate(policy, ProbeMemory(num_envs=5, seed=3), 50).mean == 1.0


# -- evaluations ----------------------------------------------------------------------------------
def test_a_player_forgets_what_has_ended_alone() -> None:
    player = accumulator().player(3)
    obs = np.array([[1.0], [2.0], [3.0]])
    player.act(obs)
    assert player.value(obs).tolist() == [2, 3, 4]  # type: ignore[union-attr]
    which = np.array([False, True, True])
    assert player.value(obs[which], which=which).tolist() == [3, 4]  # type: ignore[union-attr]
    none = np.zeros(3, bool)
    player.see(Step(obs, np.zeros(3), np.array([True, False, False]), none, obs))
    assert player.value(obs).tolist() == [1, 3, 4]  # type: ignore[union-attr]
    player.see(Step(obs, np.zeros(3), none, none, obs, invalid=np.array([False, True, False])))
    assert player.value(obs).tolist() == [1, 2, 4]  # type: ignore[union-attr]


def test_what_is_estimated_is_of_its_memory() -> None:
    """V(s₀) of nothing remembered, V(s_T) of the two steps before the clock has cut."""
    watch, envs = ValueBias(0.5), ProbeMemory(num_envs=6, seed=0, time_limit=2)
    evaluate(accumulator(), envs, 12, watch=watch)
    assert set(watch.estimated) == {0.0, 1.0}  # the cue's first number
    assert watch.realised().tolist() == [0.25 * 2] * 6


def test_a_run_reaches_what_no_memoryless_policy_can(run: Path) -> None:
    assert drl.load_run(run).evaluate(episodes=200).mean == 1.0
    assert drl.load_policy(run / "checkpoints" / "best.safetensors").predict(
        np.array([0.0, 1.0], np.float32)
    )[1].shape == (1, 16)


def test_evaluations_in_the_training_environments_begin_from_nothing() -> None:
    """And so do the training's episodes after them."""
    envs = ProbeMemory(num_envs=4, seed=0)
    agent = own.build(own.Config(), setup((2,), num_envs=4))
    learning = task(agent, envs, eval_envs=0, eval_every=100, eval_episodes=8, steps=1_000)
    for _ in learning.run(4 * 10):
        pass
    assert agent.h.any()  # in the middle of an episode
    learning.evaluate()
    assert not agent.h.any() and not agent.first.any() and not agent.rows


# -- all that a run has ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(ROOT, tmp_path_factory.mktemp("user") / "mine")
    (shell.directory / "remembers.py").write_text(EXAMPLE.read_text())
    return shell


def test_killed_it_goes_on_to_the_same_bytes(empty: Shell) -> None:
    """The states of the episodes under way are in the checkpoint."""
    killed_and_resumed(empty, "remembers.py", "12000")
    used(empty, "remembers.py")
    assert "every byte is the same" in empty.drl("verify", "whole")[0]


def test_states_are_in_the_checkpoint() -> None:
    """Left in the middle of episodes, it goes on in them."""
    envs, again = ProbeMemory(num_envs=4, seed=0), ProbeMemory(num_envs=4, seed=0)
    one, two = (own.build(own.Config(), setup((2,), num_envs=4)) for _ in range(2))
    whole, left = task(one, envs, steps=1_000), task(two, again, steps=1_000)
    for _ in whole.run(4 * 42):
        pass
    for _ in left.run(4 * 42):
        pass
    assert one.h.any()
    third = own.build(own.Config(), setup((2,), num_envs=4))
    resumed = task(third, ProbeMemory(num_envs=4, seed=9), steps=1_000)
    resumed.load_state(left.state())
    for on in (whole, resumed):
        for _ in on.run(800):
            pass
    assert np.array_equal(one.net.params, third.net.params) and np.array_equal(one.h, third.h)


# -- the ladder -----------------------------------------------------------------------------------
def faulty(fault: str) -> Any:
    """The example with a mistake that people make."""

    class Faulty(own.Reinforce):  # type: ignore[name-defined, misc]
        def learn(self) -> Any:
            if fault == "rows one by one":
                unroll = self.net.unroll

                def rows(x: np.ndarray, h: np.ndarray, starts: np.ndarray) -> Any:
                    return unroll(x, np.zeros((len(x), h.shape[1]), np.float32))

                self.net.unroll = rows
                try:
                    return super().learn()
                finally:
                    del self.net.unroll
            return super().learn()

    class Forgets(own.Policy):  # type: ignore[name-defined, misc]
        def step(self, obs: np.ndarray, h: np.ndarray, mask: Any = None) -> Any:
            return super().step(obs, 0 * h, mask)

    def build(config: Any, about: Any) -> Any:
        agent = Faulty(config, about)
        if fault == "the policy forgets":
            agent.greedy = Forgets(config, about, agent.net)
        return agent

    return type("module", (), {"Config": own.Config, "build": staticmethod(build)})


@pytest.mark.parametrize("fault", ["rows one by one", "the policy forgets"])
def test_what_forgets_fails_on_the_rung_of_memory(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = [rung for rung in drl.api.ladder.LADDER if rung.memory]
    monkeypatch.setattr("drl.api.ladder.LADDER", rungs)
    assert not climb(row_of(":right", own)).failed
    report = climb(row_of(":faulty", faulty(fault)))
    assert report.failed and report.diagnosis.startswith("memory: what was seen earlier"), report


def test_who_remembers_nothing_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    reinforce = row_of(":own", module_of(str(ROOT / "examples" / "own_agent.py")))
    (finding,) = [f for f in climb(reinforce).findings if f.name == "memory"]
    assert finding.mark == "skipped" and "remembers nothing" in finding.text


def test_the_state_is_in_what_is_exported(run: Path, tmp_path: Path) -> None:
    drl.load_run(run).export(tmp_path / "net.npz")
    description = json.loads(str(np.load(tmp_path / "net.npz")["description"]))
    assert description["state_size"] == 16
