"""Our Pendulum, MountainCars and Acrobot are Gymnasium's, to the last bit."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents import preset
from drl import train
from drl.errors import UserError
from envs import Acrobot, MountainCar, MountainCarContinuous, Pendulum, libm
from envs.libm import power
from envs.numpy_env import NumpyEnv

CLASSES: list[type[NumpyEnv]] = [Pendulum, MountainCar, MountainCarContinuous, Acrobot]
LOOPS = {Pendulum: "swing", Acrobot: "slope"}  # attribute that holds the loop; else drive
START = {Acrobot: np.float32}  # dtype of Gymnasium's state after a reset; else float64
FIRST = {Acrobot: 1e-7}  # how far the first observation may be off; else 0

CAR = np.array([-1.2, -0.07]), np.array([0.6, 0.07])
BOUNDS = {  # of states
    Pendulum: (np.array([-20.0, -8.0]), np.array([20.0, 8.0])),
    MountainCar: CAR,
    MountainCarContinuous: CAR,
    Acrobot: (-np.pi * np.array([1, 1, 4, 9]), np.pi * np.array([1, 1, 4, 9])),
}

each = pytest.mark.parametrize("env", CLASSES, ids=lambda env: env.__name__)
both = pytest.mark.parametrize("fast", [False, True], ids=["numpy", "compiled"])


def theirs(env: type[NumpyEnv]) -> Any:
    """Gymnasium's, of the same id, with its clock."""
    return gym.make(env.id.removeprefix("drl/"), disable_env_checker=True)


def drawn(env: NumpyEnv, rng: np.random.Generator, held: np.ndarray | None) -> np.ndarray:
    """Random actions, each likely to be the one before; of a Box up to 1.5 of its bounds."""
    space: Any = env.action_space
    if isinstance(space, gym.spaces.Discrete):
        new = rng.integers(space.n, size=env.num_envs)
    else:
        new = rng.uniform(-1.5, 1.5, (env.num_envs, 1)) * space.high
        new = new.clip(1.2 * space.low, 1.2 * space.high).astype(np.float32)
    if held is None:
        return new
    kept = rng.random(env.num_envs) < 0.9
    return np.where(kept.reshape(-1, *[1] * (new.ndim - 1)), held, new)


def begin(env: Any, state: np.ndarray, kind: type[NumpyEnv]) -> None:
    env.reset(seed=0)
    env.unwrapped.state = state[: 4 if kind is Acrobot else 2].astype(START.get(kind, np.float64))


def same(a: Any, b: Any) -> bool:
    """Two steps, to the last bit."""
    return all(np.array_equal(i, j) for i, j in zip(a[:5], b[:5], strict=True))


@pytest.mark.parametrize("count", [1, 7])
@each
@both
def test_physics_bit_for_bit(env: type[NumpyEnv], fast: bool, count: int) -> None:
    """10,000 random steps, of which Gymnasium is told the start of each episode and no more."""
    rng = np.random.default_rng(count)
    ours = env(num_envs=count, seed=1, compiled=fast)
    assert (getattr(ours, LOOPS.get(env, "drive")).__name__[-5:] == "_loop") == fast
    others, actions = [theirs(env) for _ in range(count)], None
    obs, _ = ours.reset()
    for i, other in enumerate(others):
        begin(other, ours.rows[:, i], env)
    ends = np.zeros(2, int)
    for _ in range(10_000 // count):
        actions = drawn(ours, rng, actions)
        after, _, _ = ours.advance(ours.rows, actions)
        moved = ours.step(actions)
        for i, other in enumerate(others):
            seen, reward, terminated, truncated, _ = other.step(actions[i])
            state = np.asarray(other.unwrapped.state, np.float64)
            assert np.array_equal(state, after[: len(state), i])
            assert np.array_equal(seen, moved.final_obs[i]) and seen.dtype == moved.obs.dtype
            assert reward == moved.reward[i]
            assert terminated == moved.terminated[i] and truncated == moved.truncated[i]
            ends += [terminated, truncated]
            if terminated or truncated:
                begin(other, ours.rows[:, i], env)
    assert ends[1] > 0 or env in (Acrobot, MountainCarContinuous)
    assert ends[0] > 0 or env is Pendulum


@each
@both
def test_first_steps_bit_for_bit(env: type[NumpyEnv], fast: bool) -> None:
    """Of 500 episodes: a state is not yet of the type that Gymnasium's steps give it."""
    ours, other = env(num_envs=500, seed=2, compiled=fast), theirs(env)
    ours.reset()
    actions = drawn(ours, np.random.default_rng(0), None)
    after, reward, _ = ours.advance(ours.rows, actions)
    for i in range(500):
        begin(other, ours.rows[:, i], env)
        assert other.step(actions[i])[1] == reward[i]
        state = np.asarray(other.unwrapped.state, np.float64)
        assert np.array_equal(state, after[: len(state), i])


@each
@both
def test_steps_from_anywhere_bit_for_bit(env: type[NumpyEnv], fast: bool) -> None:
    """Of 1,000 states up to the bounds, where random play hardly comes: walls, largest speeds."""
    ours, other = env(num_envs=1_000, seed=2, compiled=fast), theirs(env).unwrapped
    rng = np.random.default_rng(0)
    low, high = BOUNDS[env]
    states = rng.uniform(1.2 * low, 1.2 * high, (1_000, len(low))).clip(low, high)
    rows = states.T.copy()
    if env is MountainCarContinuous:
        states = states.astype(np.float32)
        rows = np.array([*states.T, 3 * states[:, 0]], np.float64)
    other.reset(seed=0)
    actions = drawn(ours, rng, None)
    after, reward, over = ours.advance(rows, actions)
    for i in range(1_000):
        other.state = states[i].copy()
        assert other.step(actions[i])[1:3] == (reward[i], over[i])
        state = np.asarray(other.state, np.float64)
        assert np.array_equal(state, after[: len(state), i])


@each
def test_compiled_is_numpy_bit_for_bit(env: type[NumpyEnv]) -> None:
    """2,000 steps of each environment, resets and the clock's cuts among them, from a state that
    was saved by the one and loaded by the other."""
    a, b = env(num_envs=33, seed=2, time_limit=30), env(num_envs=33, seed=9, compiled=True)
    b.time_limit = 30
    rng, actions = np.random.default_rng(0), None
    a.reset(), b.reset()
    for _ in range(10):
        a.step(drawn(a, rng, None))
    b.load_state(a.state())  # type: ignore[arg-type]
    for _ in range(2_000):
        actions = drawn(a, rng, actions)
        assert same(a.step(actions), b.step(actions)) and np.array_equal(a.rows, b.rows)


@each
def test_spaces_clock_and_first_states(env: type[NumpyEnv]) -> None:
    ours, other = env(num_envs=1_000, seed=3), theirs(env)
    assert ours.observation_space == other.observation_space
    assert ours.action_space == other.action_space
    assert ours.time_limit == other.spec.max_episode_steps
    assert ours.fps == other.metadata["render_fps"]
    obs, _ = ours.reset()
    starts = []
    for seed in range(300):
        other.reset(seed=seed)
        starts.append(np.asarray(other.unwrapped.state, np.float64))
    theirs_low, theirs_high = np.min(starts, axis=0), np.max(starts, axis=0)
    rows = ours.rows[: len(theirs_low)]
    width = theirs_high - theirs_low
    assert (np.abs(rows.min(axis=1) - theirs_low) <= 0.05 * width).all()
    assert (np.abs(rows.max(axis=1) - theirs_high) <= 0.05 * width).all()
    assert (np.abs(rows.mean(axis=1) - np.mean(starts, axis=0)) <= 0.1 * width).all()
    for i in range(20):
        begin(other, ours.rows[:, i], env)
        inner = other.unwrapped
        seen = inner._get_obs() if env is Pendulum else inner._get_ob() if env is Acrobot else None
        seen = np.asarray(inner.state, np.float32) if seen is None else seen
        assert np.abs(seen - obs[i]).max() <= FIRST.get(env, 0.0)


@each
def test_rewards_are_in_their_range(env: type[NumpyEnv]) -> None:
    """Of actions of the space, from all over the states."""
    ours = env(num_envs=1_000, seed=0)
    ours.reset()
    assert ours.reward_range is not None
    low, high = ours.reward_range
    rng, space = np.random.default_rng(0), ours.action_space
    for _ in range(20):
        if env is Pendulum:
            ours.rows = rng.uniform(-8, 8, ours.rows.shape)
        actions = np.array([space.sample() for _ in range(1_000)])
        reward = ours.step(actions).reward
        assert (low <= reward).all() and (reward <= high).all()
    if env is Pendulum:
        ours.rows = np.repeat([[-np.pi], [8.0]], 1_000, axis=1)
        worst = ours.step(np.full((1_000, 1), 2.0, np.float32)).reward[0]
        assert worst == pytest.approx(low, abs=1e-6)


@each
def test_truncates_after_its_steps_and_not_before(env: type[NumpyEnv]) -> None:
    ours = env(num_envs=1)
    ours.reset()
    still = ours.rows.copy()
    rest = np.zeros((1, 1), np.float32) if isinstance(ours.action_space, gym.spaces.Box) else [1]
    for step in range(1, ours.time_limit + 1):
        ours.rows = still.copy()
        moved = ours.step(np.array(rest))
        assert moved.truncated[0] == (step == ours.time_limit) and not moved.terminated[0]
    assert ours.elapsed[0] == 0


def test_powers_are_those_of_numpys_scalars() -> None:
    """Not x·x: that is why they are taken one by one."""
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        x = rng.uniform(-9, 9, (2, 50_000)).astype(dtype)
        expected = np.array([[v**2 for v in row] for row in x])
        found = power(x, dtype(2))
        assert np.array_equal(found, expected) and found.dtype == dtype
        assert not np.array_equal(found, x * x)


@each
def test_loops_with_another_librarys_cos_are_not_taken(
    env: type[NumpyEnv], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = libm._tried()
    assert not np.array_equal(power(tried, libm.TWO), tried * tried)  # what finds it out
    monkeypatch.setattr(libm, "in_loops", lambda: False)
    ours = env(num_envs=2, compiled=True)
    assert not getattr(ours, LOOPS.get(env, "drive")).__name__.endswith("_loop")
    expected = [math.cos(x) for x in tried]
    assert np.array_equal(libm.cos(tried), expected)
    assert np.array_equal(libm.one_cos_after_another(tried), expected)
    monkeypatch.setattr(np, "cos", lambda x: x)
    assert libm.chosen_cos() is libm.one_cos_after_another


@each
def test_a_picture_is_gymnasiums_of_our_state(env: type[NumpyEnv]) -> None:
    ours, other = env(num_envs=2, seed=4), theirs(env)
    other = gym.make(env.id.removeprefix("drl/"), render_mode="rgb_array")
    ours.reset()
    other.reset(seed=0)
    first = ours.render()
    ours.rows[:2, 0] = 0.3
    other.unwrapped.state = ours.rows[: 4 if env is Acrobot else 2, 0]
    assert np.array_equal(ours.render(), other.render())
    assert not np.array_equal(ours.render(), first)


def ink(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Middle of what has this colour: (right, down) in pixels."""
    down, right = (image == colour).all(axis=2).nonzero()
    return np.array([right.mean(), down.mean()])


def test_sketches_show_the_state() -> None:
    """Where Gymnasium's drawing has it: rod and links turn the same way, the car is on its side."""
    pendulum, red = Pendulum(), (200, 80, 80)
    for theta, right, down in ((0.0, 0, -1), (np.pi, 0, 1), (np.pi / 2, -1, 0), (-np.pi / 2, 1, 0)):
        pendulum.rows[:, 0] = theta, 0
        away = ink(pendulum.sketch(), red) - 50
        assert away * 0.04 == pytest.approx([right, down], abs=0.2)
    acrobot, links = Acrobot(), (0, 160, 160)
    for angles, right, down in (((0, 0), 0, 1), ((np.pi / 2, 0), 1, 0), ((np.pi / 2, np.pi), 0, 0)):
        acrobot.rows[:2, 0] = angles
        away = ink(acrobot.sketch(), links) - 50
        folded = angles[1] != 0
        assert folded or away / 23 == pytest.approx([right, down], abs=0.2)
        assert not folded or (0 < away[0] < 23 and abs(away[1]) < 3)
    car, black = MountainCar(), (0, 0, 0)
    middles = []
    for x in (-1.1, -0.5, 0.3):
        car.rows[0, 0] = x
        middles.append(ink(car.sketch()[:, :160], black))  # the flag is beyond
    assert middles[0][0] < middles[1][0] < middles[2][0]  # from left to right
    assert middles[1][1] > max(middles[0][1], middles[2][1])  # lowest in the valley


@pytest.mark.parametrize("id", ["Acrobot-v1", "MountainCar-v0"])
def test_dqn_trains_on_them_with_the_preset_of_gymnasiums(id: str) -> None:
    tuned = preset(id)
    assert tuned is not None
    trained = train("dqn", f"drl/{id}", steps=1_600, progress=False)
    envs, agent = trained.task.envs, trained.agent
    assert envs.id == f"drl/{id}" and agent.updates > 0
    assert [layer.W.shape[1] for layer in agent.net.layers if hasattr(layer, "W")][:-1] == [
        *tuned.config.hidden
    ]
    obs = np.zeros((2, *envs.observation_space.shape), np.float32)
    assert trained.policy(obs).shape == (2,)


@pytest.mark.parametrize("id", ["drl/Pendulum-v1", "drl/MountainCarContinuous-v0"])
def test_a_dqn_says_that_it_cannot_have_box_actions(id: str) -> None:
    with pytest.raises(UserError, match=f"{id}: dqn takes Discrete, .* actions, found Box"):
        train("dqn", id, steps=100, discretise=None, progress=False)
