"""n-step windows, by hand: γ = ½, n = 3, one or two environments; r_t = 2ᵗ, s_t = [t], a_t = t."""

import numpy as np
import pytest

from agents.memory.nstep import NStep
from agents.memory.replay import COLUMNS, ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage


def memory(buffer_size: int) -> ReplayBuffer:
    sampler = UniformSampler(buffer_size, 1, np.random.default_rng(0))
    return ReplayBuffer(buffer_size, 1, ArrayStorage((1,), np.float32), sampler)


def rolled(n: int, ends: dict[int, str], steps: int, count: int = 1) -> dict[int, tuple]:
    """Transitions stored after `steps` steps, by the time they began: (R, discount, s′)."""
    replay = memory(100)
    nstep = NStep(replay, n, 0.5, count)
    for t in range(steps):
        here = np.full((count, 1), t)
        flags = [np.full(count, ends.get(t) == kind) for kind in ("terminated", "truncated")]
        nstep.add(here, here[:, 0], np.full(count, 2.0**t), *flags, here + 1)
    return {
        int(replay.action[i]): (
            float(replay.reward[i]), float(replay.discount[i]), float(replay.s_next[i, 0])
        )
        for i in range(len(replay))
    }  # fmt: skip


def test_windows_in_the_middle() -> None:
    stored = rolled(3, {}, steps=5)
    # from t: 2ᵗ + ½·2ᵗ⁺¹ + ¼·2ᵗ⁺² = 3·2ᵗ, discount ⅛, s′ = t + 3; t = 3, 4 are still open
    assert stored == {t: (3.0 * 2**t, 0.125, t + 3.0) for t in range(3)}


def test_termination_closes_all_windows_without_bootstrap() -> None:
    stored = rolled(3, {3: "terminated"}, steps=4)
    assert stored == {
        0: (3.0, 0.125, 3.0),
        1: (6.0, 0.0, 4.0),  # 2 + ½·4 + ¼·8
        2: (8.0, 0.0, 4.0),  # 4 + ½·8: two steps were left
        3: (8.0, 0.0, 4.0),
    }


def test_truncation_bootstraps_with_the_steps_really_taken() -> None:
    stored = rolled(3, {3: "truncated"}, steps=4)
    assert stored[1] == (6.0, 0.125, 4.0)
    assert stored[2] == (8.0, 0.25, 4.0)  # γ², not γ³
    assert stored[3] == (8.0, 0.5, 4.0)


def test_no_window_reaches_into_the_next_episode() -> None:
    stored = rolled(3, {1: "terminated"}, steps=6)
    assert stored[1] == (2.0, 0.0, 2.0)
    assert stored[2] == (12.0, 0.125, 5.0)  # the new episode's first window
    assert stored[3] == (24.0, 0.125, 6.0)
    assert set(stored) == {0, 1, 2, 3}


def test_one_step_is_the_transition_itself() -> None:
    stored = rolled(1, {2: "terminated", 4: "truncated"}, steps=5)
    for t in range(5):
        assert stored[t] == (2.0**t, 0.0 if t == 2 else 0.5, t + 1.0)


def test_worlds_end_apart() -> None:
    replay = memory(100)
    nstep = NStep(replay, 2, 0.5, 2)
    s = np.array([[10.0], [20.0]])
    no, first = np.zeros(2, bool), np.array([True, False])
    nstep.add(s, np.zeros(2), np.array([1.0, 2.0]), first, no, s + 1)
    nstep.add(s + 5, np.ones(2), np.array([4.0, 8.0]), no, no, s + 6)
    assert replay.action[:2].tolist() == [0, 0]
    assert replay.reward[:2].tolist() == [1.0, 6.0]
    assert replay.discount[:2].tolist() == [0.0, 0.25]
    assert replay.s_next[:2].tolist() == [[11.0], [26.0]]


def test_actions_keep_their_shape_and_dtype() -> None:
    """Two torques of a continuous action, through open windows and a saved state."""
    replays = [
        ReplayBuffer(
            9, 4, ArrayStorage((1,), np.float32),
            UniformSampler(9, 4, np.random.default_rng(0)), (2,), np.float32,
        )
        for _ in range(2)
    ]  # fmt: skip
    nstep, other = (NStep(replay, 2, 0.5, 1) for replay in replays)
    no, one = np.zeros(1, bool), np.ones((1, 1))
    for t in range(3):
        nstep.add(one * t, np.array([[t + 0.25, -t]]), np.ones(1), no, no, one)
    assert replays[0].action[:2].tolist() == [[0.25, 0.0], [1.25, -1.0]]
    batch = replays[0].sample()
    assert batch.a.shape == (4, 2) and batch.a.dtype == np.float32
    assert np.array_equal(batch.a[:, 0] - 0.25, batch.s[:, 0])
    other.load_state(nstep.state())
    replays[1].load_state(replays[0].state())
    assert np.array_equal(replays[1].sample().a, replays[0].sample().a)
    assert other.a[0].tolist() == [[2.25, -2.0]]


def test_saved_windows_go_on() -> None:
    a, b = (NStep(memory(9), 3, 0.5, 1) for _ in range(2))
    no, one = np.zeros(1, bool), np.ones((1, 1))
    for t in range(2):
        a.add(one * t, np.zeros(1), np.ones(1), no, no, one)
    b.load_state(a.state())
    for nstep in (a, b):
        nstep.add(one * 2, np.zeros(1), np.ones(1), no, no, one)
    assert len(b.replay) == 1
    for name in COLUMNS:
        assert np.array_equal(getattr(a.replay, name), getattr(b.replay, name))


def test_zero_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="n ≥ 1"):
        NStep(memory(9), 0, 0.5, 1)
