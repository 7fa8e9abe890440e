"""Images kept once: the same batches as a memory of copies, and no frame twice."""

import numpy as np
import pytest
from made import setup

from agents.dqn.config import DQNConfig
from agents.memory.build import build_memory
from agents.memory.nstep import NStep
from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage, FrameStorage

ENVS = 3


def memory(once: bool, stack: int, n: int, buffer_size: int = 64, rows: int = 96) -> NStep:
    shape = (2, 2, stack)
    storage = (
        FrameStorage(rows, shape, np.uint8, stack, ENVS, slack=2 * ENVS * (n + stack + 1))
        if once
        else ArrayStorage(shape, np.uint8)
    )
    replay = ReplayBuffer(
        buffer_size, 16, storage, UniformSampler(buffer_size, 16, np.random.default_rng(0))
    )
    return NStep(replay, n, 0.9, ENVS)


class Video:
    """Environments whose images are random, and whose episodes end at random."""

    def __init__(self, stack: int, ends: float = 0.15) -> None:
        self.rng, self.stack, self.ends = np.random.default_rng(1), stack, ends
        self.obs = np.stack([self.first() for _ in range(ENVS)])

    def image(self) -> np.ndarray:
        return self.rng.integers(256, size=(2, 2, 1), dtype=np.uint8)

    def first(self) -> np.ndarray:
        return np.repeat(self.image(), self.stack, axis=2)

    def step(self, *nsteps: NStep) -> None:
        s = self.obs
        new = np.stack([self.image() for _ in range(ENVS)])
        s_next = np.concatenate([s[..., 1:], new], axis=3)
        terminated = self.rng.random(ENVS) < self.ends
        truncated = (self.rng.random(ENVS) < self.ends / 2) & ~terminated
        r = self.rng.normal(size=ENVS)
        for nstep in nsteps:
            nstep.add(s, np.arange(ENVS), r, terminated, truncated, s_next)
        self.obs = s_next.copy()
        for i in np.flatnonzero(terminated | truncated):
            self.obs[i] = self.first()


@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("n", [1, 4])
def test_the_same_batches_as_a_memory_of_copies(stack: int, n: int) -> None:
    once, copies, video = memory(True, stack, n), memory(False, stack, n), Video(stack)
    for _ in range(300):
        video.step(once, copies)
        if len(once.replay) < 16:
            continue
        # of the rows that both still keep
        for number in range(once.replay.oldest, once.replay.added):
            row = number % 64
            for name in ("s", "s_next"):
                kept = once.replay.storage.decode(getattr(once.replay, name)[row][None])[0]
                assert np.array_equal(kept, getattr(copies.replay, name)[row])
        for name in ("action", "reward", "discount", "terminal"):
            assert np.array_equal(getattr(once.replay, name), getattr(copies.replay, name))
    assert len(once.replay) >= 55  # few had to go for the images of many short episodes


def test_a_picture_is_kept_once() -> None:
    nstep, video = memory(True, stack=3, n=2, rows=10_000), Video(3, ends=0.1)
    episodes = ENVS
    for _ in range(100):
        video.step(nstep)
        episodes += int(nstep.replay.storage.starts.sum())  # type: ignore[attr-defined]
    frames = nstep.replay.storage
    assert isinstance(frames, FrameStorage)
    # one for each step of an environment, and one for each episode's start
    begun = episodes - int(frames.starts.sum())
    assert frames.pushed == 100 * ENVS + begun


def test_transitions_go_before_their_pictures_do() -> None:
    nstep, video = memory(True, stack=2, n=1, buffer_size=64, rows=40), Video(2, ends=0.0)
    for _ in range(200):
        video.step(nstep)
        replay = nstep.replay
        first = replay.s[replay.oldest % 64].min()
        assert first > replay.storage.pushed - replay.storage.rows  # type: ignore[attr-defined]
    assert 25 <= len(nstep.replay) <= 40


def test_batches_have_pictures_as_the_network_takes_them() -> None:
    nstep, video = memory(True, stack=3, n=1), Video(3)
    for _ in range(30):
        video.step(nstep)
    batch = nstep.replay.sample()
    assert batch.s.shape == batch.s_next.shape == (16, 2, 2, 3) and batch.s.dtype == np.uint8
    going_on = batch.discount > 0
    assert np.array_equal(batch.s[going_on, ..., 1:], batch.s_next[going_on, ..., :-1])


def test_saved_pictures_go_on() -> None:
    a, b, video = memory(True, 3, 2), memory(True, 3, 2), Video(3)
    for _ in range(60):
        video.step(a)
    b.load_state(a.state())
    b.replay.load_state(a.replay.state())
    for _ in range(60):
        video.step(a, b)
        x, y = a.replay.sample(), b.replay.sample()
        assert all(np.array_equal(i, j) for i, j in zip(x, y, strict=True))


def test_a_restarted_episode_is_not_joined_to_the_last() -> None:
    nstep, video = memory(True, 2, 1), Video(2, ends=0.0)
    video.step(nstep)
    nstep.interrupt_episodes()
    video.obs = np.stack([video.first() for _ in range(ENVS)])
    shown = video.obs.copy()
    video.step(nstep)
    kept = nstep.replay.storage.decode(nstep.replay.s[ENVS : 2 * ENVS])
    assert np.array_equal(kept, shown)


def test_a_million_atari_transitions_fit_in_8_gib() -> None:
    config = DQNConfig(buffer_size=1_000_000, n_step=3, batch_size=32)
    about = setup((84, 84, 4), np.uint8, num_envs=16, frame_stack=4, steps=2_000_000)
    replay = build_memory(config, about, 1, np.asarray).replay
    assert 6.5 * 2**30 < replay.nbytes < 8 * 2**30


def test_stacks_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="do not make an observation"):
        FrameStorage(10, (4, 4, 3), np.uint8, 2, 1, 1)
