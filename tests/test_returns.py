"""Advantages and returns by hand: ends in the middle of a rollout, several environments."""

import numpy as np
import pytest

from agents.memory.returns import LOOP, gae, q_lambda, recurrence, rows_backwards
from drl.nn.compiled import compiled

GAMMA, LAM = 0.5, 0.5
# three environments of four steps: nothing ends; the second step terminates; it is cut
REWARD = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [4.0, 4.0, 4.0]])
VALUE = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0], [4.0, 4.0, 4.0]])
# V(s′): the next row's, but 10 of what came after the cut; 8 is V of the newest successor
NEXT = np.array([[2.0, 2.0, 2.0], [3.0, 3.0, 10.0], [4.0, 4.0, 4.0], [8.0, 8.0, 8.0]])
NO = np.zeros((4, 3), bool)
TERMINATED, TRUNCATED = NO.copy(), NO.copy()
TERMINATED[1, 1] = TRUNCATED[1, 2] = True


def test_gae_by_hand() -> None:
    # δ = r + γ (1 − terminated) V(s′) − V(s):  1 + 1 − 1 = 1 in the first step of all; then
    # 2 + 1.5 − 2 = 1.5 | 2 − 2 = 0 | 2 + 5 − 2 = 5;  0 + 2 − 3 = −1;  4 + 4 − 4 = 4
    # A = δ + ¼ (1 − cut) A′:  4;  −1 + 1 = 0;  1.5 | 0 | 5;  1 + 1.5/4 | 1 | 1 + 5/4
    found = gae(REWARD, VALUE, NEXT, TERMINATED, TRUNCATED, GAMMA, LAM)
    known = [[1.375, 1.0, 2.25], [1.5, 0.0, 5.0], [0.0, 0.0, 0.0], [4.0, 4.0, 4.0]]
    assert found.dtype == np.float64 and np.array_equal(found, known)


def test_q_lambda_by_hand() -> None:
    # R = r + ½ (1 − terminated) [½ R′ + ½ V(s′)], R′ = V(s′) at a cut and at the rollout's end
    # 4 + ½·8 = 8;  ½ (4 + 2) = 3;  2 + ½ (1.5 + 1.5) = 3.5 | 2 | 2 + ½·10 = 7
    # 1 + ½ (1.75 + 1) = 2.375 | 1 + ½ (1 + 1) = 2 | 1 + ½ (3.5 + 1) = 3.25
    found = q_lambda(REWARD, NEXT, TERMINATED, TRUNCATED, GAMMA, LAM)
    known = [[2.375, 2.0, 3.25], [3.5, 2.0, 7.0], [3.0, 3.0, 3.0], [8.0, 8.0, 8.0]]
    assert np.array_equal(found, known)


@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_the_ends_of_lambda(lam: float) -> None:
    """λ = 0: the TD error; λ = 1: the whole return less V(s), bootstrapped where it was cut."""
    found = gae(REWARD, VALUE, NEXT, TERMINATED, TRUNCATED, GAMMA, lam)
    if lam == 0:
        known = REWARD + GAMMA * ~TERMINATED * NEXT - VALUE
    else:  # by hand, of the third environment: 1 + ½ (2 + ½·10), 2 + ½·10, ½ (4 + ½·8), 4 + ½·8
        known = found.copy()
        known[:, 2] = np.array([4.5, 7.0, 4.0, 8.0]) - VALUE[:, 2]
    assert np.array_equal(found, known)


def test_terminated_and_truncated_at_once_is_an_end() -> None:
    both = gae(REWARD, VALUE, NEXT, TERMINATED, TERMINATED, GAMMA, LAM)
    assert np.array_equal(both, gae(REWARD, VALUE, NEXT, TERMINATED, NO, GAMMA, LAM))


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_a_lambda_return_is_the_value_and_its_advantage(lam: float) -> None:
    """Of a policy that has but one action Q(λ) and V + GAE(λ) are the same."""
    rng = np.random.default_rng(3)
    value = rng.normal(size=(9, 4))
    reward, ends = rng.normal(size=(8, 4)), rng.random((2, 8, 4)) < 0.2
    following = value[1:].copy()
    following[ends[1]] = rng.normal(size=ends[1].sum())
    advantage = gae(reward, value[:-1], following, *ends, 0.9, lam)
    returns = q_lambda(reward, following, *ends, 0.9, lam)
    # R = r + γ[λ R′ + (1 − λ) V(s′)], and A + V the same but with the V of the next row, where
    # nothing was cut in between
    assert np.allclose(advantage + value[:-1], returns, atol=1e-12)


def test_the_compiled_loop_has_numpys_bits() -> None:
    pytest.importorskip("numba")
    loop = compiled(recurrence, LOOP)
    assert loop is not None
    rng = np.random.default_rng(1)
    b, c, last = rng.normal(size=(300, 7)), rng.random((300, 7)), rng.normal(size=7)
    ours, its = np.empty((2, 300, 7))
    rows_backwards(b, c, last.copy(), ours)
    loop(b, c, last.copy(), its)
    assert np.array_equal(ours, its)
