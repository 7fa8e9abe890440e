"""One conformance test for every environment, and the traps of Gymnasium's vector envs."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drl.errors import UserError
from envs import VectorEnv, make
from envs.build import OURS
from envs.chain import Chain, optimal_q
from envs.gymnasium_env import GymVector


def gym_cartpole(num_envs: int, seed: int) -> VectorEnv:
    return GymVector("CartPole-v1", num_envs, seed, lambda: gym.make("CartPole-v1"))


ENVS = {
    **{
        id: lambda n, s, id=id: make(id, n, s)
        for id in (*OURS, "Acrobot-v1", "MountainCar-v0")
        if "Probe" not in id  # tests/test_probes.py: their seeds and starts are few
    },
    **{
        f"{id}, compiled": lambda n, s, id=id: make(id, n, s, compiled=True)
        for id in ("CartPole-v1", "drl/CartPolePixels-v1", "drl/Pendulum-v1", "drl/Acrobot-v1")
    },
    "Gymnasium's CartPole-v1": gym_cartpole,
}
each_world = pytest.mark.parametrize("build", ENVS.values(), ids=ENVS)


def rolled(env: VectorEnv, steps: int, seed: int = 0) -> list[Any]:
    rng, space = np.random.default_rng(seed), env.action_space
    if isinstance(space, gym.spaces.Box):
        shape = (steps, env.num_envs, *space.shape)
        return [env.step(a) for a in rng.uniform(space.low, space.high, shape).astype(space.dtype)]
    return [env.step(space.start + rng.integers(space.n, size=env.num_envs)) for _ in range(steps)]


def same(a: list[Any], b: list[Any]) -> bool:
    def alike(x: Any, y: Any) -> bool:
        if isinstance(x, dict):
            return x.keys() == y.keys() and all(alike(x[name], y[name]) for name in x)
        return np.array_equal(x, y, equal_nan=isinstance(x, np.ndarray) and x.dtype.kind == "f")

    return all(alike(x, y) for s, t in zip(a, b, strict=True) for x, y in zip(s, t, strict=True))


@each_world
def test_conforms(build: Any) -> None:
    env = build(3, 7)
    obs, info = env.reset()
    assert obs.shape == (3, *env.observation_space.shape) and info == {}
    assert all(env.observation_space.contains(one) for one in obs)  # of its shape and dtype
    kept = []
    for moved in rolled(env, 300):
        for array in (moved.obs, moved.final_obs):
            assert array.shape == obs.shape and array.dtype == obs.dtype
        assert moved.reward.shape == (3,) and np.isfinite(moved.reward).all()
        assert moved.terminated.dtype == moved.truncated.dtype == bool
        ended = moved.terminated | moved.truncated
        assert np.array_equal(moved.final_obs[~ended], moved.obs[~ended])
        kept.append((moved, moved.obs.copy(), moved.final_obs.copy(), moved.terminated.copy()))
    for moved, *copies in kept:  # no later step has written into them
        arrays = (moved.obs, moved.final_obs, moved.terminated)
        assert all(np.array_equal(a, b) for a, b in zip(arrays, copies, strict=True))
    env.close()


@each_world
def test_seeded(build: Any) -> None:
    a, b, c = build(3, 7), build(3, 7), build(3, 8)
    assert np.array_equal(a.reset()[0], b.reset()[0])
    first, _ = c.reset()
    assert not np.array_equal(first, a.reset()[0])  # and a's second reset went on
    b.reset()
    assert same(rolled(a, 250), rolled(b, 250))


@each_world
def test_saved_state_goes_on(build: Any) -> None:
    a, b = build(3, 7), build(3, 99)
    a.reset()
    rolled(a, 190)
    b.load_state(a.state())
    assert same(rolled(a, 600, seed=1), rolled(b, 600, seed=1))  # through several episodes


@each_world
def test_a_reset_follows_an_end_within_the_step(build: Any) -> None:
    env = build(4, 3)
    start, _ = env.reset()
    ends = 0
    for moved in rolled(env, 1_000):
        ended = moved.terminated | moved.truncated
        ends += int(ended.sum())
        if ended.any() and env.id != "drl/Chain-v0":  # whose every state is a start
            if env.observation_space.dtype == np.float32:
                assert np.abs(moved.obs[ended] - start[0]).max() <= 2.0
            assert (moved.obs[ended] != moved.final_obs[ended]).any()
    assert ends > 0


def test_gymnasium_successor_is_the_true_final_observation() -> None:
    """Against one raw environment stepped by hand with the same seed and actions."""
    env = GymVector("CartPole-v1", 2, 5, lambda: gym.make("CartPole-v1"))
    raw = gym.make("CartPole-v1")
    assert env.seeds is not None
    obs, _ = raw.reset(seed=env.seeds[1])
    assert np.array_equal(env.reset()[0][1], obs)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(400):
        actions = rng.integers(2, size=2)
        moved = env.step(actions)
        obs, reward, terminated, truncated, _ = raw.step(int(actions[1]))
        assert np.array_equal(moved.final_obs[1], obs)
        assert (reward, terminated) == (moved.reward[1], moved.terminated[1])
        if terminated or truncated:
            ends += 1
            obs, _ = raw.reset()
        assert np.array_equal(moved.obs[1], obs)
    assert ends > 5


def test_truncation_is_told_apart() -> None:
    env = make("MountainCar-v0", 2, 0)  # the top is out of reach by chance: 200 steps, truncated
    env.reset()
    moved = rolled(env, 200)
    assert moved[-1].truncated.all() and not moved[-1].terminated.any()
    assert not any(m.truncated.any() for m in moved[:-1])


def test_chain_optimum_is_what_value_iteration_finds() -> None:
    n, gamma = 5, 0.9
    q = np.zeros((n, 2))
    for _ in range(500):
        v = q.max(axis=1)
        left = gamma * v[np.maximum(np.arange(n) - 1, 0)]
        right = np.append(gamma * v[1:], 1.0)
        q = np.stack([left, right], axis=1)
    assert np.allclose(q, optimal_q(n, gamma), atol=1e-12)


def test_chain_pays_at_its_end_only() -> None:
    env = Chain(num_envs=1, time_limit=0)
    env.rows[:] = 3
    moved = env.step(np.array([1]))
    assert (moved.reward[0], moved.terminated[0]) == (0.0, False)
    moved = env.step(np.array([1]))
    assert (moved.reward[0], moved.terminated[0]) == (1.0, True)
    assert moved.final_obs[0].argmax() == 4


class Made(gym.Env):
    """An environment to order."""

    def __init__(self, space: gym.Space, answer: Any = None, reward: float = 0.0) -> None:
        self.observation_space, self.action_space = space, gym.spaces.Discrete(2, start=1)
        self.answer, self.given, self.seen = answer, reward, []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation_space.sample() * 0, {}

    def step(self, action: int) -> Any:
        assert self.action_space.contains(action), action
        obs = self.observation_space.sample() * 0 if self.answer is None else self.answer
        return obs, self.given, False, False, {}


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Any:
    """Registers an environment to order, for one test."""

    def register(*args: Any) -> str:
        gym.register("Made-v0", lambda: Made(*args), disable_env_checker=True)
        return "Made-v0"

    yield register
    gym.registry.pop("Made-v0", None)


def box(*shape: int, dtype: Any = np.float64) -> gym.spaces.Box:
    return gym.spaces.Box(0, 200, shape, dtype)


@pytest.mark.parametrize(
    ("answer", "reward", "words"),
    [
        (np.array([1.0, np.nan]), 0.0, r"NaN or Inf in an observation \(number 1 is nan\)"),
        (np.array([np.inf, 0.0]), 0.0, r"NaN or Inf in an observation \(number 0 is inf\)"),
        (None, float("nan"), "the reward nan"),
    ],
)
def test_numbers_that_are_none_are_named(made: Any, answer: Any, reward: float, words: str) -> None:
    env = make(made(box(2), answer, reward), 2, 0)
    env.reset()
    with pytest.raises(UserError, match=words) as error:
        env.step(np.ones(2, int))
    assert "Made-v0 (environment 0)" in str(error.value)


@pytest.mark.parametrize(
    ("space", "dtype"),
    [(box(2), np.float32), (box(6, 6, 1, dtype=np.uint8), np.uint8), (box(3, 2), np.float32)],
)
def test_observations_of_any_box(made: Any, space: gym.Space, dtype: Any) -> None:
    env = make(made(space), 2, 0)
    obs, _ = env.reset()
    assert obs.dtype == dtype == env.observation_space.dtype
    assert obs[1] in env.observation_space and env.action_space == gym.spaces.Discrete(2, start=1)
    moved = env.step(np.array([1, 2]))  # its own actions: it would refuse 0
    picture = (1,) if len(space.shape) == 2 else ()  # (H, W) has one channel
    assert moved.obs.shape == (2, *space.shape, *picture)


@pytest.mark.parametrize(
    ("space", "answer"),
    [
        (box(6, 6, 1, dtype=np.uint8), np.full((6, 6, 1), 0.5)),  # as a byte it would be 0
        (box(2), np.array(["a", "b"])),
    ],
)
def test_wrong_dtype_is_named(made: Any, space: gym.Space, answer: Any) -> None:
    env = make(made(space, answer), 2, 0)
    env.reset()
    with pytest.raises(UserError, match=r"Made-v0 \(environment 0\).*observation of .*space says"):
        env.step(np.ones(2, int))


def test_a_first_reset_that_raises_is_named(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, **_: Any) -> Any:
        raise RuntimeError("no disk")

    env = make(made(box(2)), 2, 0)
    monkeypatch.setattr(Made, "reset", broken)
    with pytest.raises(UserError, match=r"Made-v0 \(environment 0\) failed in a reset .*no disk"):
        env.reset()


def test_wrong_shape_is_named(made: Any) -> None:
    env = make(made(box(2), np.zeros(3)), 2, 0)
    env.reset()
    with pytest.raises(UserError, match="Made-v0"):
        env.step(np.ones(2, int))


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("CartPole-v7", "did you mean CartPole-v1"),
        ("nowhere/Nothing-v3", "unknown environment"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(id: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        make(id, 2, 0)
    assert "\n" not in str(error.value)


def test_zero_worlds_are_refused() -> None:
    with pytest.raises(UserError, match="at least 1"):
        make("CartPole-v1", 0, 0)
