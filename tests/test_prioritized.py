"""The sum tree against its definition, and the probabilities and weights of prioritized replay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.memory.prioritized import FAN, TOP, PrioritizedSampler, SumTree
from agents.memory.replay import ReplayBuffer
from agents.memory.storage import ArrayStorage
from drl.nn.schedules import Constant

# one level, two, three, and the sizes between which the next begins
SIZES = st.integers(1, 2 * FAN * TOP) | st.sampled_from([1, TOP, TOP + 1, FAN * TOP, FAN * TOP + 1])


@settings(deadline=None)
@given(SIZES, st.integers(0, 2**32), st.integers(1, 12))
def test_every_node_is_the_sum_of_its_children(size: int, seed: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    tree, truth = SumTree(size), np.zeros(size)
    for _ in range(rounds):
        leaves = rng.integers(size, size=rng.integers(1, 50))
        values = rng.exponential(size=len(leaves)) * (rng.random(len(leaves)) < 0.8)
        tree.set(leaves, values)
        truth[leaves] = values
        assert np.array_equal(tree.leaves, truth) and not tree.levels[0][size:].any()
        for children, parents in zip(tree.levels[:-1], tree.levels[1:], strict=True):
            sums = children.reshape(-1, FAN).sum(axis=1)
            assert np.array_equal(parents[: len(sums)], sums) and not parents[len(sums) :].any()
    assert tree.total == pytest.approx(truth.sum(), rel=1e-12)
    if truth.any():
        mass = np.append(rng.random(200), [0.0, np.nextafter(1, 0)]) * tree.total
        found = tree.find(mass)
        assert (truth[found] > 0).all()
        ends = np.cumsum(truth)
        slack = 1e-9 * ends[-1]
        assert (ends[found] >= mass - slack).all()
        assert (ends[found] - truth[found] <= mass + slack).all()


def test_find_by_hand() -> None:
    tree = SumTree(5)
    tree.set(np.arange(5), np.array([1.0, 0.0, 2.0, 3.0, 0.0]))
    assert tree.find(np.array([0.0, 0.99, 1.0, 2.99, 3.0, 5.99])).tolist() == [0, 0, 2, 2, 3, 3]


def memory(alpha: float, beta: float, batch: int = 4, buffer_size: int = 8) -> ReplayBuffer:
    sampler = PrioritizedSampler(
        buffer_size, batch, np.random.default_rng(0), alpha, Constant(beta), eps=0.0
    )
    return ReplayBuffer(buffer_size, batch, ArrayStorage((1,), np.float32), sampler)


def add(replay: ReplayBuffer, count: int) -> None:
    i = np.arange(replay.added, replay.added + count)
    replay.add(i[:, None], i * 0, i, i * 0 + 0.5, i[:, None], i < 0)


def test_probabilities_and_weights() -> None:
    replay = memory(alpha=0.5, beta=1.0)
    add(replay, 4)
    replay.sampler.update_priorities(
        np.arange(4), np.array([-16.0, 4.0, 1.0, 0.0])
    )  # √: 4, 2, 1, 0
    counts = np.zeros(4)
    for _ in range(2_000):
        batch = replay.sample()
        counts += np.bincount(batch.rows, minlength=4)
        # w = (N P)⁻¹ over the largest: P = 4/7, 2/7, 1/7 → in proportion 1/4, 1/2, 1
        relative = np.array([0.25, 0.5, 1.0, np.nan])[batch.rows]
        assert np.allclose(batch.weight, relative / relative.max())
    assert np.abs(counts / 8_000 - np.array([4, 2, 1, 0]) / 7).max() < 0.01


def test_a_batch_takes_one_of_each_part_of_the_mass() -> None:
    replay = memory(alpha=1.0, beta=0.0)
    add(replay, 8)
    for _ in range(50):
        batch = replay.sample()
        assert (np.diff(batch.rows) > 0).all() and (batch.weight == 1).all()


def test_new_transitions_get_the_largest_priority() -> None:
    replay = memory(alpha=1.0, beta=0.5)
    add(replay, 3)
    replay.sampler.update_priorities(np.arange(3), np.array([0.1, 9.0, 0.2]))
    add(replay, 1)
    tree = replay.sampler.tree  # type: ignore[attr-defined]
    assert tree.leaves[:4].tolist() == [0.1, 9.0, 0.2, 9.0]
    add(replay, 6)  # over the ring's end: the oldest rows are new again
    assert tree.leaves[:8].tolist() == [9.0, 9.0, 0.2, 9.0, 9.0, 9.0, 9.0, 9.0]


def test_beta_follows_its_schedule_in_batches() -> None:
    sampler = PrioritizedSampler(
        4, 2, np.random.default_rng(0), 1.0, lambda drawn: [0.0, 1.0][drawn]
    )
    sampler.add(np.arange(4))
    sampler.update_priorities(np.array([0]), np.array([1e6]))
    _, first = sampler.draw(0, 4)
    assert (first == 1).all()


def test_saved_priorities_go_on_alike() -> None:
    a, b = memory(0.6, 0.4), memory(0.6, 0.4)
    add(a, 6)
    a.sample()
    a.sampler.update_priorities(np.arange(3), np.array([1.0, 5.0, 0.1]))
    b.load_state(a.state())
    for replay in (a, b):
        add(replay, 3)
    for _ in range(50):
        x, y = a.sample(), b.sample()
        assert all(np.array_equal(i, j) for i, j in zip(x, y, strict=True))


def test_a_loaded_tree_has_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        PrioritizedSampler(50_000, 128, np.random.default_rng(1), 0.6, Constant(0.4)) for _ in "ab"
    )
    a.add(np.arange(50_000))
    for _ in range(100):
        a.update_priorities(rng.integers(50_000, size=128), rng.normal(size=128))
    b.load_state(a.state())
    assert all(np.array_equal(i, j) for i, j in zip(a.tree.levels, b.tree.levels, strict=True))
    assert len(a.tree.levels) > 1


@pytest.mark.parametrize("size", [5, 5000, 200_000])  # a top alone, one and two descents
def test_compiled_descent_finds_the_same_leaves(size: int) -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(size)
    plain, fast = SumTree(size), SumTree(size)
    fast.load_loop()
    assert fast.descend is not plain.descend
    for _ in range(20):
        values = rng.random(size) * (rng.random(size) < 0.5) * 10.0 ** rng.integers(-9, 9, size)
        for tree in (plain, fast):
            tree.set(np.arange(size), values)
        mass = rng.random(64) * plain.total
        mass[:3] = 0.0, plain.total, np.nextafter(plain.total, np.inf)
        assert plain.find(mass).tolist() == fast.find(mass).tolist()


def test_it_is_asked_for_after_so_many_batches(monkeypatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr("agents.memory.prioritized.PAYS_AFTER", 3)
    sampler = PrioritizedSampler(10_000, 8, np.random.default_rng(0), 0.6, Constant(0.4))
    sampler.add(np.arange(100))
    before = sampler.tree.descend
    for _ in range(2):
        sampler.draw(0, 100)
    assert sampler.tree.descend is before
    sampler.draw(0, 100)
    assert sampler.tree.descend is not before
