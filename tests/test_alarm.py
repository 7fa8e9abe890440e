"""One environment, one clock; what cannot be swallowed, and what is put back."""

import contextlib
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drl.errors import EnvFailed
from envs import guarded, make
from envs import gymnasium_env as gym_vector
from envs.alarm import Alarm, Hang

# an env that hangs is restarted, which is said
pytestmark = pytest.mark.filterwarnings("ignore::drl.errors.EnvWarning")


class Slow(gym.Env[np.ndarray, int]):
    """Takes the time that it is told to take."""

    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    making: Any = staticmethod(lambda: None)
    resetting: Any = staticmethod(lambda: None)
    stepping: Any = staticmethod(lambda: None)

    def __init__(self) -> None:
        self.making()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.resetting()
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> Any:
        self.stepping()
        return np.zeros(1, np.float32), 1.0, False, False, {}


def slow(**what: Any) -> type:
    return type("Slow", (Slow,), {name: staticmethod(code) for name, code in what.items()})


def sleeps() -> None:
    time.sleep(30)


def swallows(kind: type[BaseException]) -> Any:
    def code() -> None:
        with contextlib.suppress(kind):
            time.sleep(30)

    return code


def swallows_once() -> None:
    with contextlib.suppress(BaseException):
        time.sleep(30)
    time.sleep(30)


def hides() -> None:
    try:
        time.sleep(30)
    except BaseException:
        raise KeyError("a wrong one") from None


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks of a twentieth of a second; nothing may take its half minute, or ring afterwards."""
    monkeypatch.setattr(gym_vector, "STEP_SECONDS", 0.05)
    monkeypatch.setattr(guarded, "MAKE_SECONDS", 0.1)
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 10
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_many_slow_worlds_are_not_one_that_hangs() -> None:
    env = make(slow(stepping=lambda: time.sleep(0.02), resetting=lambda: time.sleep(0.02)), 10, 0)
    env.reset()
    env.step(np.zeros(10, int))
    assert not env.restarts


def test_a_first_reset_that_hangs_ends_in_one_line() -> None:
    env = make(slow(resetting=sleeps), 1, 0)
    with pytest.raises(
        EnvFailed, match=r"Slow \(environment 0\) failed in a reset .*no answer for 0.05"
    ):
        env.reset()


def test_a_constructor_that_hangs_ends_in_one_line() -> None:
    with pytest.raises(EnvFailed, match=r"failed when it was made .*no answer for 0\.1 s"):
        make(slow(making=sleeps), 1, 0)


def test_a_constructor_has_more_time_than_a_step() -> None:
    make(slow(making=lambda: time.sleep(0.07)), 3, 0)


@pytest.mark.parametrize(
    "code", [sleeps, swallows(Exception), swallows(BaseException), swallows_once, hides]
)
def test_a_hang_is_told_whatever_the_env_catches(code: Any) -> None:
    env = make(slow(stepping=code), 2, 0)
    env.reset()
    moved = env.step(np.zeros(2, int))
    assert moved.invalid is not None and moved.invalid.all()
    assert [
        re.sub(r" at \S*test_alarm\.py:\d+", "", what).partition(" failed")[2]
        for what in env.restarts
    ] == [" in a step (TimeoutError: no answer for 0.05 s)"] * 2


def test_a_ring_that_is_told_of_late_sets_no_timer() -> None:
    """As where the signal has come just before the clock is closed."""
    alarm = Alarm(0.05)
    with alarm:
        pass
    alarm._ring()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_of_the_users_is_put_back_with_what_is_left() -> None:
    rang: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        start = time.monotonic()
        env = make(slow(stepping=lambda: time.sleep(0.02)), 1, 0)
        env.reset()
        for _ in range(5):
            env.step(np.zeros(1, int))
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left < 0.3 - 0.09 and interval == 0
        time.sleep(0.3)
        assert len(rang) == 1 and 0.25 < rang[0] - start < 1.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_timer_that_was_due_meanwhile_rings_afterwards_and_again() -> None:
    rang: list[str] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append("theirs"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.02)
        with Alarm(1.0) as alarm:
            alarm.start()
            time.sleep(0.05)
            assert not rang
            alarm.stop()
        time.sleep(0.1)
        assert len(rang) > 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_nothing_rings_between_two_calls() -> None:
    with Alarm(0.02) as alarm:
        alarm.start()
        alarm.stop()
        time.sleep(0.06)
        alarm.start()
        with pytest.raises(Hang):
            time.sleep(1)
        with pytest.raises(Hang):
            alarm.stop()
        time.sleep(0.06)


def test_clocks_in_clocks() -> None:
    """An environment may be made of ours."""
    with Alarm(0.1) as outer:
        outer.start()
        with pytest.raises(Hang, match=r"0\.1 s"):
            for _ in range(100):
                with Alarm(1.0) as inner:
                    inner.start()
                    time.sleep(0.01)
                    inner.stop()
