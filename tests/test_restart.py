"""An environment that raises or hangs is restarted, counted and said; the run goes on, within a
limit."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from made import NEVER, dqn_in, task

from agents import DQNConfig, ExperimentConfig, evaluate, job
from agents.row import find_row
from drl.cli.main import main
from drl.errors import UserError
from envs import gymnasium_env as gym_vector
from envs import make, source
from envs.gymnasium_env import GymVector

pytestmark = pytest.mark.filterwarnings("ignore:.*restarted:drl.errors.EnvWarning")


class Counter(gym.Env[np.ndarray, int]):
    """Counts its steps and all that were ever made; a plan says what happens at a step of its life.

    Observation: (steps in this episode, number of this environment); reward: steps in this episode.
    """

    observation_space = gym.spaces.Box(0, 1000, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    made = 0
    fails: Any = staticmethod(lambda env, life: None)

    def __init__(self) -> None:
        self.number, self.life, self.t = Counter.made, 0, 0
        Counter.made += 1

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return self._seen(), {}

    def step(self, action: int) -> Any:
        self.life += 1
        Counter.fails(self.number, self.life)
        self.t += 1
        return self._seen(), float(self.t), self.t == 6, False, {}

    def _seen(self) -> np.ndarray:
        return np.array([self.t, self.number], np.float32)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sets what fails, and registers the env for the command line."""
    monkeypatch.setattr(Counter, "made", 0)

    def plan(fails: Any) -> None:
        monkeypatch.setattr(Counter, "fails", staticmethod(fails))

    gym.register("Counter-v0", Counter, disable_env_checker=True)
    yield plan
    gym.registry.pop("Counter-v0")


def breaks(*when: tuple[int, int]) -> Any:
    def fails(env: int, life: int) -> None:
        if (env, life) in when:
            raise RuntimeError("out of fuel")

    return fails


def test_one_world_is_made_anew_and_the_others_go_on(counter: Any) -> None:
    counter(breaks((1, 3)))
    env = GymVector("Counter-v0", 3, 0, Counter)
    env.reset()
    first, second, third, fourth = (env.step(np.zeros(3, int)) for _ in range(4))
    assert first.invalid is None and second.invalid is None and fourth.invalid is None
    assert third.invalid is not None and third.invalid.tolist() == [False, True, False]
    assert third.obs.tolist() == [[3, 0], [0, 3], [3, 2]]  # number 3 is the one restarted
    assert third.reward.tolist() == [3, 0, 3] and not third.terminated.any()
    assert fourth.obs.tolist() == [[4, 0], [1, 3], [4, 2]]
    (what,) = env.restarts
    assert "environment 1" in what and "RuntimeError: out of fuel" in what


def test_a_world_that_hangs(counter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleeps(env: int, life: int) -> None:
        if (env, life) in ((0, 2), (1, 2)):
            time.sleep(30)

    counter(sleeps)
    monkeypatch.setattr(gym_vector, "STEP_SECONDS", 0.05)
    env = GymVector("Counter-v0", 2, 0, Counter)
    env.reset()
    start = time.monotonic()
    env.step(np.zeros(2, int))
    moved = env.step(np.zeros(2, int))
    assert moved.invalid is not None and moved.invalid.all() and len(env.restarts) == 2
    assert time.monotonic() - start < 10  # both clocks rang: neither slept its half minute
    assert "TimeoutError: no answer for 0.05 s" in env.restarts[0]
    time.sleep(0.1)  # and none rings afterwards
    assert env.step(np.zeros(2, int)).invalid is None


def test_the_limit_is_kept(counter: Any) -> None:
    def always(env: int, life: int) -> None:
        raise RuntimeError("out of fuel")

    counter(always)
    env = GymVector("Counter-v0", 1, 0, Counter)
    env.reset()
    for _ in range(gym_vector.MOST_RESTARTS):
        env.step(np.zeros(1, int))
    with pytest.raises(UserError, match="after 10 such failures") as error:
        env.step(np.zeros(1, int))
    assert "\n" not in str(error.value)


def test_what_cannot_be_made_anew_ends_in_one_line(counter: Any) -> None:
    counter(breaks((0, 1)))
    env = GymVector("Counter-v0", 1, 0, Counter)
    env.reset()
    env.build = lambda: 1 / 0
    with pytest.raises(UserError, match="cannot be restarted .ZeroDivisionError"):
        env.step(np.zeros(1, int))


def test_no_transition_reaches_over_the_break(counter: Any) -> None:
    """In the memory s′ is n steps after s in the same environment, and R their rewards, nothing
    else."""
    counter(breaks((0, 4), (1, 9), (2, 20)))
    config = DQNConfig(
        n_step=3, gamma=1.0, hidden=(4,), buffer_size=400, batch_size=400, learning_starts=NEVER
    )
    env = GymVector("Counter-v0", 2, 0, Counter)
    agent = dqn_in(config, env, seed=0)
    returns = [r for progress in task(agent, env).run(80) for r, _ in progress.episodes]
    assert len(env.restarts) == 3
    batch = agent.replay.sample()  # many times more than there are
    (t, env), (t_next, world_next) = batch.s.T, batch.s_next.T
    assert (env == world_next).all()
    steps = t_next - t
    assert ((steps == 3) | (t_next == 6)).all()
    np.testing.assert_allclose(batch.r, (t_next * (t_next + 1) - t * (t + 1)) / 2)  # Σ of rewards
    assert set(returns) == {21.0}  # 1 + … + 6: no episode that was restarted is counted half


def test_evaluation_counts_whole_episodes(counter: Any) -> None:
    counter(breaks((0, 4), (1, 8)))
    env = GymVector("Counter-v0", 2, 0, Counter)
    result = evaluate(lambda obs: np.zeros(2, int), env, episodes=4)
    assert result.returns.tolist() == [21.0] * 4 and result.lengths.tolist() == [6] * 4


def test_a_run_survives_and_says_so(
    counter: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counter(lambda env, life: breaks((env, 50))(env, life) if env in (1, 2) else None)
    short = ["--steps", "400", "--num-envs", "4", "--eval-every", "200", "--eval-episodes", "2"]
    command = ["train", "dqn", "--env", "Counter-v0", "--run", str(tmp_path / "run"), "--json"]
    assert main([*command, *short, "--learning-starts", "64"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["env_restarts"] == 2
    assert said.err.count("was restarted") == 1 and "environment 1" in said.err  # of its kind


def test_our_own_worlds_lose_nothing() -> None:
    env = make("CartPole-v1", 4, 0)
    env.reset()
    assert env.step(np.zeros(4, int)).invalid is None and env.restarts == []


def test_help_says_what_the_code_does() -> None:
    from drl.cli.train import ABOUT_AGENTS
    from envs.gymnasium_env import MOST_RESTARTS, STEP_SECONDS

    said = " ".join(ABOUT_AGENTS.split())
    assert f"hangs for {STEP_SECONDS:g} s" in said and f"at most {MOST_RESTARTS} times" in said


def test_worlds_that_cannot_be_saved_begin_with_other_seeds(counter: Any) -> None:
    counter(lambda env, life: None)
    row, made = find_row("dqn"), source("Counter-v0")
    first, settings, *_ = job.new(row, DQNConfig(), ExperimentConfig(num_envs=2), made, None)
    for _ in first.run(20):
        pass
    state = first.state()
    again = [job.restore(row, settings, made) for _ in range(2)]
    seed = vars(first.envs)["seed"]
    for one in again:
        one.load_state(state)
        assert vars(one.envs)["seed"] != seed  # not the run's first episodes once more
    assert len({vars(one.envs)["seed"] for one in again}) == 1  # the same whenever it is resumed
