"""The ring: what is overwritten, what is drawn, and that a saved memory goes on alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage


def memory(buffer_size: int, batch: int, seed: int = 0) -> ReplayBuffer:
    sampler = UniformSampler(buffer_size, batch, np.random.default_rng(seed))
    return ReplayBuffer(buffer_size, batch, ArrayStorage((1,), np.float32), sampler)


def filled(buffer_size: int, counts: list[int], batch: int = 4) -> tuple[ReplayBuffer, int]:
    """A memory to which transition number n was added as s = [n], r = n, s′ = [n + 1]."""
    replay = memory(buffer_size, batch)
    n = 0
    for count in counts:
        i = np.arange(n, n + count)
        replay.add(i[:, None], i % 3, i, np.full(count, 0.5), i[:, None] + 1, i < 0)
        n += count
    return replay, n


@given(st.integers(8, 30), st.lists(st.integers(1, 8), min_size=1, max_size=20))
def test_holds_the_last_ones(buffer_size: int, counts: list[int]) -> None:
    replay, n = filled(buffer_size, counts)
    assert len(replay) == min(n, buffer_size)
    stored = sorted(replay.reward[: len(replay)].tolist())
    assert stored == list(range(max(0, n - buffer_size), n))


def test_rows_belong_together() -> None:
    replay, _ = filled(10, [7, 7])
    for _ in range(100):
        batch = replay.sample()
        assert (batch.s[:, 0] == batch.r).all()
        assert (batch.s_next[:, 0] == batch.r + 1).all()
        assert (batch.a == batch.r % 3).all()
        assert (batch.discount == 0.5).all()
        assert batch.r.min() >= 4  # 14 added, 10 kept


def test_every_transition_is_equally_likely() -> None:
    replay, _ = filled(10, [5, 5, 5])
    drawn = np.concatenate([replay.sample().r.copy() for _ in range(5_000)])
    counts = np.bincount(drawn.astype(int), minlength=15)[5:]
    # 20,000 draws over 10: 2,000 each with σ = 42; five σ
    assert np.abs(counts - 2_000).max() < 5 * 42


def test_new_transitions_can_be_drawn_at_once() -> None:
    replay, _ = filled(1_000, [1])
    assert (replay.sample().r == 0).all()
    replay.add(
        np.full((999, 1), 7),
        np.zeros(999),
        np.full(999, 7),
        np.ones(999),
        np.ones((999, 1)),
        np.zeros(999, bool),
    )
    assert (replay.sample().r == 7).sum() >= 3


def test_saved_memory_draws_the_same() -> None:
    replay, _ = filled(10, [7, 7])
    replay.sample()
    state = replay.state()
    other = memory(10, 4, seed=99)
    other.load_state(state)
    for each in (replay, other):
        each.add(
            np.ones((3, 1)),
            np.ones(3),
            np.full(3, 50),
            np.zeros(3),
            np.ones((3, 1)),
            np.ones(3, bool),
        )
    for _ in range(200):  # past several blocks of random numbers
        a, b = replay.sample(), other.sample()
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_terminal_fraction() -> None:
    replay = memory(8, 2)
    zeros: Any = np.zeros((4, 1))
    discount, ends = np.array([0, 0.99, 0, 0]), np.array([True, False, True, False])
    replay.add(zeros, np.zeros(4), np.zeros(4), discount, zeros, ends)
    assert replay.terminal_fraction() == 0.5


@pytest.mark.parametrize("buffer_size, batch", [(0, 4), (4, 0)])
def test_sizes_below_one_are_refused(buffer_size: int, batch: int) -> None:
    with pytest.raises(ValueError, match="≥ 1"):
        memory(buffer_size, batch)
