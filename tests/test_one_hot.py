"""Observations of 0 and 1 kept small: the same batches, and the same learning, as whole rows."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from agents import DQNConfig
from agents.memory import build
from agents.memory.nstep import NStep
from agents.memory.one_hot import BitStorage, OneHotStorage
from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage, ObservationStorage
from agents.setup import Setup
from drl import train
from drl.encoding import Encoder

SPACES: dict[str, tuple[Any, type[ObservationStorage]]] = {
    "one of 500": (Discrete(500), OneHotStorage),
    "one of 256, from 7": (Discrete(256, start=7), OneHotStorage),
    "one of 1": (Discrete(1), OneHotStorage),
    "one of 1, in a list": (MultiDiscrete([5]), OneHotStorage),
    "several": (MultiDiscrete([[3, 2], [4, 9]]), BitStorage),
    "bits": (MultiBinary((3, 3)), BitStorage),
    "both": (Tuple((Discrete(32), Discrete(11), Dict(b=MultiBinary(2)))), BitStorage),
    "numbers": (Box(0, 1, (4,)), ArrayStorage),
    "numbers beside it": (Tuple((Discrete(3), Box(0, 1, (4,)))), ArrayStorage),
}


def setup(space: Any) -> Setup:
    encoder = Encoder(space)
    return Setup(encoder.space, Discrete(3), num_envs=4, encoder=encoder)


def storage(space: Any) -> ObservationStorage:
    return build.build_storage(DQNConfig(), setup(space))


@pytest.mark.parametrize("name", SPACES)
def test_what_is_kept_comes_back(name: str) -> None:
    space, kind = SPACES[name]
    space.seed(1)
    encoder, kept = Encoder(space), storage(space)
    assert type(kept) is kind
    rows = np.zeros((40, *encoder.space.shape), encoder.space.dtype)
    for row in rows:
        encoder.encode(space.sample(), row)
    s, s_next = rows[:20], rows[20:]
    for observations, keys in zip(
        (s, s_next), kept.encode(s, s_next, np.zeros(20, bool)), strict=True
    ):
        assert keys.shape == (20, *kept.key_shape) and keys.dtype == kept.key_dtype
        found = kept.decode(keys)
        assert found.dtype == rows.dtype and found.tobytes() == observations.tobytes()


def test_a_key_is_as_small_as_it_can_be() -> None:
    assert [OneHotStorage(n).key_dtype for n in (1, 256, 257, 2**16, 2**16 + 1)] == [
        np.uint8, np.uint8, np.uint16, np.uint16, np.uint32
    ]  # fmt: skip
    assert [BitStorage(n).key_shape for n in (1, 8, 9)] == [(1,), (1,), (2,)]


def test_taxis_memory_is_a_thousandth() -> None:
    def nbytes(kept: ObservationStorage) -> int:
        sampler = UniformSampler(50_000, 64, np.random.default_rng(0))
        replay = ReplayBuffer(50_000, 64, kept, sampler)
        return replay.s.nbytes + replay.s_next.nbytes

    assert nbytes(ArrayStorage((500,), np.float32)) == 200_000_000
    assert nbytes(OneHotStorage(500)) == 200_000


@pytest.mark.parametrize("n", [1, 3])
def test_keys_that_cannot_be_are_not_loaded(n: int) -> None:
    """A key beyond the last number would be no observation."""

    def memory(size: int) -> NStep:
        sampler = UniformSampler(8, 2, np.random.default_rng(0))
        return NStep(ReplayBuffer(8, 2, OneHotStorage(size), sampler), n, 0.9, 2)

    larger, smaller = memory(9), memory(5)
    s, yes = np.eye(9, dtype=np.float32)[[8, 7]], np.ones(2, bool)
    larger.add(s, np.zeros(2, np.int64), np.zeros(2), yes, ~yes, s)
    with pytest.raises(ValueError, match="from 0 to 4"):
        smaller.load_state(larger.state())
    with pytest.raises(ValueError, match="from 0 to 4"):
        smaller.replay.load_state(larger.replay.state())


class Switches(gym.Env[np.ndarray, int]):
    """Six switches; an action turns one, those that are on count, until some day."""

    observation_space, action_space = MultiBinary(6), Discrete(6)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.on = self.np_random.integers(2, size=6).astype(np.int8)
        return self.on.copy(), {}

    def step(self, action: int) -> Any:
        self.on[action] ^= 1
        over = bool(self.np_random.random() < 0.1)
        return self.on.copy(), float(self.on.sum()), over, False, {}


@pytest.mark.parametrize("env", ["Taxi-v4", "Blackjack-v1", Switches])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("prioritized", [False, True])
def test_learning_is_the_same_to_the_byte(
    env: Any, n: int, prioritized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(env, str) and env not in gym.registry:
        pytest.skip("an older Gymnasium has an older version of it")
    settings: dict[str, Any] = {
        "steps": 400, "num_envs": 4, "learning_starts": 50, "updates_per_step": 1.0,
        "buffer_size": 300, "n_step": n,
        "prioritized": prioritized, "hidden": (16,), "eval_every": 1_000, "eval_episodes": 1,
        "eval_max_steps": 201, "progress": False,
    }  # fmt: skip

    def learnt() -> Any:
        return train("dqn", env, **settings).agent

    small = learnt()
    monkeypatch.setattr(
        build, "build_storage",
        lambda config, setup, expected: ArrayStorage(setup.observation_space.shape, np.float32),
    )  # fmt: skip
    whole = learnt()
    assert small.updates == whole.updates > 300
    assert type(small.replay.storage) is not type(whole.replay.storage)
    assert small.net.params.tobytes() == whole.net.params.tobytes()
    assert small.replay.peek(50).tobytes() == whole.replay.peek(50).tobytes()
