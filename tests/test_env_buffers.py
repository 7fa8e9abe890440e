"""Whatever arrays an environment hands out again and again, those that leave us are ours."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from made import NEVER, dqn_in, task

from agents import DQNConfig
from drl.environment import Step
from drl.errors import EnvFailed
from envs import NumpyEnv, make


class Counter(gym.Env[np.ndarray, int]):
    """Counts its steps in one buffer, which its observations are, or are views of."""

    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}
    kind: Any = (np.float32, (2,), lambda buffer: buffer)

    def __init__(self, render_mode: str | None = None) -> None:
        dtype, shape, self.seen = self.kind
        self.observation_space = gym.spaces.Box(0, 200, shape, dtype)
        self.buffer = np.zeros((2, *shape), dtype)
        self.screen = np.zeros((4, 4, 3), np.uint8)
        self.t = 0

    def _observation(self) -> np.ndarray:
        self.buffer[:] = self.t
        return self.seen(self.buffer[0])

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return self._observation(), {}

    def step(self, action: int) -> Any:
        self.t += 1
        return self._observation(), 1.0, False, self.t == 5, {}

    def render(self) -> Any:
        self.screen[:] = self.t
        return self.screen


KINDS = {
    "a float32 vector": (np.float32, (2,), lambda buffer: buffer),
    "float64": (np.float64, (2,), lambda buffer: buffer),
    "an image": (np.uint8, (6, 6, 1), lambda buffer: buffer),
    "a view of an image": (np.uint8, (6, 6, 1), lambda buffer: buffer[::-1, ::-1]),
    "a subclass": (np.float32, (2,), lambda buffer: buffer.view(type("A", (np.ndarray,), {}))),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_one_buffer_again_and_again(kind: Any) -> None:
    env = make(type("Buffered", (Counter,), {"kind": kind}), 2, 0)
    first, _ = env.reset()
    steps = [env.step(np.zeros(2, int)) for _ in range(12)]
    assert not first.any()
    successors = [moved.final_obs.reshape(2, -1) for moved in steps]
    assert [s.min() for s in successors] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]
    assert [s.max() for s in successors] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]
    assert [moved.obs.max() for moved in steps] == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]


def test_what_is_remembered_is_what_was_seen() -> None:
    """In the replay memory s′ is one step after s, also where the clock cut the episode."""
    config = DQNConfig(hidden=(4,), buffer_size=400, batch_size=400, learning_starts=NEVER)
    envs = make(Counter, 2, 0)
    agent = dqn_in(config, envs, seed=0)
    for _ in task(agent, envs).run(60):
        pass
    batch = agent.replay.sample()
    np.testing.assert_array_equal(batch.s_next, batch.s + 1)


def test_one_screen_again_and_again() -> None:
    env = make(Counter, 1, 0)
    env.reset()
    before = env.render()
    env.step(np.zeros(1, int))
    now = env.render()
    assert before.max() == 0 and now.min() == 1


class Buffered(NumpyEnv):
    """Counts like the other; every method gives one array always, or writes into what it gets."""

    id = "Buffered"
    observation_space: Any = gym.spaces.Box(0, 200, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    time_limit = 5

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        self.zeros = np.zeros((1, num_envs))
        self.seen = np.zeros((num_envs, 1), np.float32)
        self.paid, self.over = np.zeros(num_envs), np.zeros(num_envs, bool)
        super().__init__(num_envs, seed, **settings)

    def initial(self, count: int) -> np.ndarray:
        return self.zeros[:, :count]

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        actions -= 1
        rows += 1
        self.paid[:] = rows[0]
        self.over[:] = rows[0] == 3
        return rows, self.paid, self.over

    def observe(self, rows: np.ndarray) -> np.ndarray:
        self.seen[: rows.shape[1], 0] = rows[0]
        return self.seen[: rows.shape[1]]


class Viewed(Buffered):
    """Its observations are its state."""

    observation_space = gym.spaces.Box(0, 200, (1,), np.float64)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T


@pytest.mark.parametrize("env", [Buffered(num_envs=2), Viewed(num_envs=2)])
def test_an_own_vectorised_world_with_buffers(env: NumpyEnv) -> None:
    env.reset()
    actions = np.ones(2, int)
    steps: list[Step] = [env.step(actions) for _ in range(7)]
    assert [m.final_obs.tolist() for m in steps] == [[[t]] * 2 for t in (1, 2, 3, 1, 2, 3, 1)]
    assert [m.obs.tolist() for m in steps] == [[[t]] * 2 for t in (1, 2, 0, 1, 2, 0, 1)]
    assert [m.reward.tolist() for m in steps] == [[t] * 2 for t in (1, 2, 3, 1, 2, 3, 1)]
    assert [m.terminated.any() for m in steps] == [False, False, True, False, False, True, False]
    assert actions.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"observe": lambda self, rows: rows}, r"observation of shape \(1, 2\); .* \(2, 1\)"),
        ({"observe": lambda self, rows: rows.T * 1j}, "observation of complex128"),
        (
            {"observe": lambda self, rows: np.int64(rows.T) + 2, "dtype": np.bool_},
            "[0-9] in an observation; its space says bool, 0 to 1",
        ),
        ({"advance": lambda self, rows, actions: (rows, rows.T, rows[0] > 9)}, r"\(2, 1\) as rew"),
        ({"advance": lambda self, rows, actions: (rows, rows[0], rows[0])}, "as terminated"),
    ],
)
def test_an_own_vectorised_world_that_is_wrong_is_named(method: Any, words: str) -> None:
    made: Any = type("Wrong", (Buffered,), method)
    with pytest.raises(EnvFailed, match=f"Buffered gave .*{words}"):
        space = gym.spaces.Box(0, 1, (1,), method.get("dtype", np.float32))
        env = made(num_envs=2, observation_space=space)
        env.rows = env.rows + 1
        env.step(np.zeros(2, int))
        env.reset()
