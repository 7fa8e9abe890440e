"""What an environment may answer, and how it is named where it may not."""

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drl.errors import EnvFailed
from drl.raised import said
from envs import make


class Told(gym.Env[np.ndarray, int]):
    """Answers what it is told."""

    action_space = gym.spaces.Discrete(2)
    dtype: Any = np.float32
    first: Any = None
    answer: Any = (np.zeros(3, np.float32), 1.0, False, False, {})

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 255, (3,), self.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return (np.zeros(3, self.dtype), {}) if self.first is None else self.first

    def step(self, action: int) -> Any:
        return self.answer


def finished(**what: Any) -> type:
    return type("Told", (Told,), what)


def step(obs: Any = (0, 0, 0), reward: Any = 1.0, over: Any = False, cut: Any = False) -> Any:
    return obs, reward, over, cut, {}


@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (step(reward="1.5"), "gave a reward that is no number ('1.5')"),
        (step(reward=np.str_("1.5")), "gave a reward that is no number ('1.5')"),
        (step(reward=None), "gave a reward that is no number (None)"),
        (step(reward=np.ones(1)), "gave a reward of shape (1,); expected one value"),
        (step(reward=[1.0]), "gave a reward of shape (1,); expected one value"),
        (step(reward=1j), "gave a reward that is no number (of type complex)"),
        (step(reward=10**400), "gave a reward that is no number (too large)"),
        (step(reward=10**9000), "gave a reward that is no number (too large)"),
        (step(reward=1e308), "gave the reward 1e+308, beyond float32"),
        (step(reward=np.float64(-1e308)), "gave the reward -1e+308, beyond float32"),
        (step(reward=np.float32("nan")), "gave the reward nan"),
        (step(reward=float("-inf")), "gave the reward -inf"),
        (step(over="False"), "gave a terminated that is no number ('False')"),
        (step(over=None), "gave a terminated that is no number (None)"),
        (step(over=np.zeros(1, bool)), "gave a terminated of shape (1,); expected one value"),
        (step(cut="yes"), "gave a truncated that is no number ('yes')"),
        (step(cut=2), "gave truncated = 2; expected True or False"),
        (step(cut=np.nan), "gave truncated = nan; expected True or False"),
        (step()[:4], "gave 4 values in a step, the old Gym API; Gymnasium's step returns five"),
        (step()[:3], "gave 3 values in a step; Gymnasium's step returns five"),
        (None, "gave None in a step; Gymnasium's step returns five"),
        (step(np.zeros(2)), "gave an observation of shape (2,); its space says (3,)"),
        (step({"x": 1}), "gave an observation of shape (); its space says (3,)"),
        (step([0, [0, 1], 0]), "gave an observation that is no array (ValueError: setting"),
        (step([1, 2, 3j]), "gave an observation of complex128; its space says float32"),
        (step([1, 2, None]), "gave an observation of object; its space says float32"),
        (step([1, 2, 1e300]), "gave NaN or Inf in an observation"),
        (step([np.inf, 2, -np.inf]), "gave NaN or Inf in an observation"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_named_at_once(answer: Any, words: str, limit: int | None) -> None:
    """Not tried again ten times; with and without Gymnasium's own wrappers around it."""
    gym.register("Told-v0", finished(answer=answer), max_episode_steps=limit)
    try:
        env = make("Told-v0", 2, 0)
        env.reset()
        with pytest.raises(EnvFailed) as error:
            env.step(np.zeros(2, int))
    finally:
        gym.registry.pop("Told-v0")
    assert str(error.value).startswith("Told-v0 (environment 0) " + words)
    assert str(error.value).endswith(": mend the env") and "\n" not in str(error.value)
    assert not env.restarts


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (np.zeros(3, np.float32), "gave only an observation in a reset"),
        (np.zeros(2, np.float32), "gave only an observation in a reset"),
        ((0.1, 0.2), "gave only an observation in a reset"),
        ((None, None), "gave an observation of shape ()"),
        ((np.zeros(4), {}), "gave an observation of shape (4,)"),
    ],
)
def test_a_wrong_reset_is_named(first: Any, words: str) -> None:
    env = make(finished(first=first), 2, 0)
    with pytest.raises(EnvFailed) as error:
        env.reset()
    assert str(error.value).startswith("Told (environment 0) " + words)


def test_a_reset_without_a_seed_is_the_old_api() -> None:
    env = make(finished(reset=lambda self: np.zeros(3)), 1, 0)
    with pytest.raises(EnvFailed, match="has a reset without a seed, the old Gym API"):
        env.reset()


@pytest.mark.parametrize(
    "seen", [np.array([1, 300, 2]), np.uint16([1, 2, 256]), [0, -1, 0], np.int8([0, 0, -1])]
)
def test_an_integer_that_is_no_byte_is_not_wrapped(seen: Any) -> None:
    env = make(finished(dtype=np.uint8, answer=step(seen)), 1, 0)
    env.reset()
    with pytest.raises(EnvFailed, match=r"gave (300|256|-1) in an observation; its space says uin"):
        env.step(np.zeros(1, int))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"at": 1}, "Parted (environment 0) gave an observation without mode: mend the env"),
        (
            {"at": 1, "mode": 7},
            "Parted (environment 0) gave in mode 7 in an observation; its space says Discrete(3): "
            "mend the env",
        ),
    ],
)
def test_a_part_of_a_dict_that_is_wrong_is_named_once(seen: Any, words: str) -> None:
    space = gym.spaces.Dict(at=gym.spaces.Discrete(2), mode=gym.spaces.Discrete(3))
    parted = type("Parted", (Told,), {"first": (seen, {}), "__init__": lambda self: None})
    parted.observation_space = space
    env = make(parted, 1, 0)
    with pytest.raises(EnvFailed) as error:
        env.reset()
    assert str(error.value) == words


def test_numbers_of_every_type_are_taken() -> None:
    ones = (1, True, np.int64(1), np.float32(1), np.float64(1), np.array(1.0), np.True_, 1.0)
    for one in ones:
        env = make(finished(answer=step([1, 2, 255], one, one, one)), 1, 0)
        env.reset()
        moved = env.step(np.zeros(1, int))
        assert moved.final_obs.tolist() == [[1, 2, 255]] and moved.final_obs.dtype == np.float32
        assert (moved.reward[0], moved.terminated[0], moved.truncated[0]) == (1.0, True, True)
    for seen in ([1, 2, 255], np.array([1, 2, 255], np.int64), np.uint16([1, 2, 255])):
        env = make(finished(dtype=np.uint8, answer=step(seen)), 1, 0)
        env.reset()
        moved = env.step(np.zeros(1, int))
        assert moved.obs.tolist() == [[1, 2, 255]] and moved.obs.dtype == np.uint8


def test_large_numbers_whose_sum_overflows_are_taken_without_a_warning() -> None:
    most = float(np.finfo(np.float32).max)
    env = make(finished(answer=step([most] * 3, most)), 2, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env.reset()
        assert env.step(np.zeros(2, int)).reward.tolist() == [most, most]


class Mute(Exception):
    """Nobody can print it."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Mute(), "Mute"),
        (ValueError("two\nlines  and more"), "ValueError: two lines and more"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 300 + " …"),
    ],
)
def test_an_exception_in_one_line(error: Exception, words: str) -> None:
    assert said(error) == words
