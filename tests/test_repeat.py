"""An episode under way is played again, to the bit, whatever the environment keeps to itself."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drl import train
from drl.errors import NotRepeated
from envs import make
from envs.build import GymVector

ENVS = 3
# Box2D's and MuJoCo's own; SWIG's at its import would end the process where they are errors
pytestmark = pytest.mark.filterwarnings("ignore")


class Drift(gym.Env):
    """x ← x + noise, from Gymnasium's own generator; cut at 7."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def noise(self) -> float:
        return float(self.np_random.normal())

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t, self.x = 0, self.noise()
        return self.seen(), {}

    def seen(self) -> np.ndarray:
        return np.array([self.x, self.t], np.float32)

    def step(self, action: int) -> Any:
        self.t += 1
        self.x += (int(action) - 1) * self.noise()
        return self.seen(), self.x, False, self.t == 7, {}


class OwnGenerator(Drift):
    """As many have it: a generator of its own, made where a seed is given."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        return super().reset()

    def noise(self) -> float:
        return float(self.rng.normal())


class Remembers(Drift):
    """What was before shows: as in BipedalWalker, whose b2World outlives its resets."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.episodes += 1
        return super().reset(seed=seed)

    def noise(self) -> float:
        return super().noise() + self.episodes


class Entropy(Drift):
    """Nobody can know."""

    def noise(self) -> float:
        return int.from_bytes(os.urandom(4), "little") / 2**32


class TellsState(Drift):
    """Nobody can know either, but it saves its state."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def noise(self) -> float:
        return float(self.rng.normal())

    def state(self) -> dict[str, Any]:
        return {"x": self.x, "t": self.t, "rng": self.rng.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        self.x, self.t = state["x"], state["t"]
        self.rng.bit_generator.state = state["rng"]


class Discretised(gym.ActionWrapper):
    """A few continuous actions as discrete ones."""

    def __init__(self, env: Any, n: int = 32) -> None:
        super().__init__(env)
        self.action_space = gym.spaces.Discrete(n)
        low, high = env.action_space.low, env.action_space.high
        self.table = np.random.default_rng(0).uniform(low, high, (n, *low.shape)).astype(np.float32)

    def action(self, action: int) -> np.ndarray:
        return self.table[action]


def vector(build: Callable[[], Any], seed: int = 1) -> GymVector:
    envs = make(build, ENVS, seed)
    assert isinstance(envs, GymVector)
    envs.prepare()
    return envs


def goes_on_the_same(build: Callable[[], Any], before: int, after: int) -> None:
    """`before` steps, then `after` more, in these envs and in others that load their state."""
    envs, rng = vector(build), np.random.default_rng(0)
    envs.reset()
    actions = rng.integers(envs.action_space.n, size=(before + after, ENVS))
    for a in actions[:before]:
        envs.step(a)
    state = envs.state()
    assert state is not None
    resumed = vector(build)
    resumed.load_state(state)
    for a in actions[before:]:
        here, there = envs.step(a), resumed.step(a)
        for one, other in zip(here, there, strict=True):
            np.testing.assert_array_equal(one, other)
    envs.close()
    resumed.close()


@pytest.mark.parametrize(
    ("build", "way"),
    [
        (Drift, "generator"),
        (OwnGenerator, "seed"),
        (Remembers, "instance"),
        (Entropy, None),
        (lambda: gym.make("Acrobot-v1"), "generator"),
    ],
)
def test_the_way_is_found_by_trying(build: Callable[[], Any], way: str | None) -> None:
    assert vector(build).way == way


@pytest.mark.parametrize("build", [Drift, OwnGenerator, Remembers, TellsState])
@pytest.mark.parametrize("before", [0, 1, 6, 7, 40])
def test_an_env_of_ones_own_goes_on_to_the_bit(build: Callable[[], Any], before: int) -> None:
    goes_on_the_same(build, before, 30)


def test_the_limit_of_time_goes_on_too() -> None:
    """Its clock is a wrapper's, not the env's."""

    class Endless(TellsState):
        def step(self, action: int) -> Any:
            return (*super().step(action)[:3], False, {})

    goes_on_the_same(lambda: gym.wrappers.TimeLimit(Endless(), 9), 14, 30)
    goes_on_the_same(lambda: gym.wrappers.TimeLimit(Drift(), 5), 14, 30)


def test_pendulum_acrobot_and_the_lunar_lander_go_on_to_the_bit() -> None:
    for id in ("Acrobot-v1", "LunarLander-v3"):
        goes_on_the_same(lambda id=id: gym.make(id), 230, 150)  # type: ignore[misc]
    goes_on_the_same(lambda: Discretised(gym.make("Pendulum-v1")), 230, 150)


def test_the_walker_is_built_anew_for_each_episode_and_goes_on_to_the_bit() -> None:
    def walker() -> Any:
        return Discretised(gym.make("BipedalWalker-v3"))

    assert vector(walker).way == "instance"
    goes_on_the_same(walker, 330, 200)


def test_a_mujoco_env_goes_on_to_the_bit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # it writes MUJOCO_LOG.TXT where it stands
    for id in ("HalfCheetah-v5", "Hopper-v5"):
        goes_on_the_same(lambda id=id: Discretised(gym.make(id)), 130, 60)  # type: ignore[misc]


def test_what_cannot_repeat_itself_has_no_state() -> None:
    envs = vector(Entropy)
    envs.reset()
    assert envs.state() is None


def test_an_env_that_comes_out_elsewhere_is_named() -> None:
    """As one does whose package has changed between two sessions."""
    envs = vector(Drift)
    envs.reset()
    for _ in range(3):
        envs.step(np.array([0, 2, 0]))
    state = envs.state()
    assert state is not None

    class Changed(Drift):
        def noise(self) -> float:
            return 2 * super().noise()

    with pytest.raises(
        NotRepeated, match=r"Changed \(environment 0\) does not repeat itself: .* 3 act"
    ):
        vector(Changed).load_state(state)


def test_trying_changes_no_generator_and_no_episode() -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    envs = vector(OwnGenerator)
    assert np.random.random() == expected
    untried = make(OwnGenerator, ENVS, 1)
    np.testing.assert_array_equal(envs.reset()[0], untried.reset()[0])


@pytest.mark.parametrize("wrong", [{"way": "magic"}, {"way": None}, {"seed": None}])
def test_a_state_that_no_run_wrote_is_refused(wrong: dict[str, Any]) -> None:
    envs = vector(OwnGenerator)
    envs.reset()
    state = envs.state()
    assert state is not None
    if "way" in wrong:
        state["way"] = wrong["way"]
    else:
        state["envs"]["1"]["episode"] |= wrong
    with pytest.raises(ValueError, match="way"):
        vector(OwnGenerator).load_state(state)


@pytest.mark.parametrize(("kind", "said"), [(Entropy, True), (TellsState, False), (Drift, False)])
def test_a_run_says_at_its_start_that_its_episodes_will_not_come_back(
    kind: type[gym.Env[Any, Any]], said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"steps": 32, "num_envs": 2, "eval_episodes": 2, "log": "minimal"}
    train("dqn", kind, run=tmp_path / "run", **settings)
    words = f"{kind.__name__} does not repeat itself: resumed, the run goes on in new episodes"
    assert (words in capsys.readouterr().err) == said
    train("dqn", kind, **settings)  # nothing is kept, so nothing will be resumed
    assert words not in capsys.readouterr().err
