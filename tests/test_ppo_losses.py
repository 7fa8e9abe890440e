"""Losses of PPO and A2C: numbers by hand; derivatives against differences and torch's autograd."""

from typing import Any

import numpy as np
import pytest

from agents.ppo.losses import (
    ClippedSquaredError,
    clipped_surrogate,
    normalised,
    policy_gradient,
    squared_error,
)
from drl.nn import make_ops
from drl.nn.gradcheck import numerical_gradient, relative_error

NUMPY = make_ops("numpy", "float64")
CLIP = 0.2


def test_the_surrogate_by_hand() -> None:
    """ε 0.2.  A > 0: let go above 1.2, not below 0.8; A < 0: the other way round."""
    ratio = np.array([1.0, 1.3, 0.7, 1.3, 0.7])
    advantage = np.array([2.0, 2.0, 2.0, -2.0, -2.0])
    fit = clipped_surrogate(NUMPY, np.log(ratio), np.zeros(5), advantage, CLIP)
    # min(rA, clip(r)A): 2, 2.4, 1.4, −2.6, −1.6
    assert fit.loss() == pytest.approx(-(2 + 2.4 + 1.4 - 2.6 - 1.6) / 5, abs=1e-15)
    assert np.allclose(fit.d_log_prob, np.array([2.0, 0, 1.4, -2.6, 0]) / -5, atol=1e-15)
    assert np.allclose(fit.log_ratio, np.log(ratio))


def test_the_policy_gradient_by_hand() -> None:
    fit = policy_gradient(NUMPY, np.array([-1.0, -2.0]), np.zeros(2), np.array([3.0, -1.0]), CLIP)
    assert fit.loss() == 0.5 and fit.d_log_prob.tolist() == [-1.5, 0.5]  # −(−3 + 2)/2


def test_the_clipped_value_by_hand() -> None:
    """ε 1: V_old 0, R 4.  V = 3 goes beyond 1 towards R: let go.  V = −3 has gone the wrong way."""
    v, returns = np.array([3.0, -3.0, 0.5]), np.full(3, 4.0)
    fit = ClippedSquaredError(1.0)(NUMPY, v, np.zeros(3), returns)
    assert fit.loss() == pytest.approx((9 + 49 + 3.5**2) / 3)  # (1 − 4)², (−3 − 4)², (0.5 − 4)²
    assert np.allclose(fit.dv, [0, 2 / 3 * -7, 2 / 3 * -3.5])


def test_rounding_lets_no_value_go() -> None:
    """V_old + (V − V_old) is not V to the last bit, and (V_clip − R)² may come out the larger."""
    rng, ops = np.random.default_rng(1), make_ops("numpy", "float32")
    v, old, returns = rng.normal(size=(3, 1000)).astype(np.float32)
    clipped = ClippedSquaredError(100.0)(ops, v, old, returns)
    assert np.array_equal(clipped.dv, squared_error(ops, v, old, returns).dv)


def problem(seed: int = 1, rows: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    old = rng.normal(-1, 0.3, rows)
    return {
        "log_prob": old + rng.normal(0, 0.3, rows),
        "old": old,
        "advantage": rng.normal(size=rows),
        "v": rng.normal(size=rows),
        "old_v": rng.normal(size=rows),
        "returns": rng.normal(size=rows),
    }


def losses(ops: Any, p: dict[str, Any]) -> dict[str, tuple[Any, Any, str]]:
    """By name: the fit, its derivative, and by what."""
    policy = (ops, p["log_prob"], p["old"], p["advantage"], CLIP)
    value = (ops, p["v"], p["old_v"], p["returns"])
    surrogate, plain = clipped_surrogate(*policy), policy_gradient(*policy)
    square, clipped = squared_error(*value), ClippedSquaredError(0.4)(*value)
    return {
        "surrogate": (surrogate, surrogate.d_log_prob, "log_prob"),
        "policy gradient": (plain, plain.d_log_prob, "log_prob"),
        "squared": (square, square.dv, "v"),
        "clipped": (clipped, clipped.dv, "v"),
    }


NAMES = ["surrogate", "policy gradient", "squared", "clipped"]


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_against_differences(name: str) -> None:
    p = problem()
    _, derivative, by = losses(NUMPY, p)[name]
    numeric = numerical_gradient(lambda: losses(NUMPY, p)[name][0].loss(), p[by])
    assert relative_error(derivative, numeric) < 1e-8


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_against_autograd(name: str) -> None:
    torch = pytest.importorskip("torch")
    p = problem(2)
    _, derivative, by = losses(NUMPY, p)[name]
    t = {key: torch.tensor(array, requires_grad=key == by) for key, array in p.items()}
    ratio = (t["log_prob"] - t["old"]).exp()
    error = (t["v"] - t["returns"]) ** 2
    held = t["old_v"] + (t["v"] - t["old_v"]).clamp(-0.4, 0.4)
    loss = {
        "surrogate": -torch.minimum(
            ratio * t["advantage"], ratio.clamp(1 - CLIP, 1 + CLIP) * t["advantage"]
        ).mean(),
        "policy gradient": -(t["advantage"] * t["log_prob"]).mean(),
        "squared": error.mean(),
        "clipped": torch.maximum(error, (held - t["returns"]) ** 2).mean(),
    }[name]
    loss.backward()
    assert np.abs(derivative - t[by].grad.numpy()).max() < 1e-12
    value = losses(NUMPY, p)[name][0].loss()
    assert value == pytest.approx(float(loss.detach()), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_both_libraries_are_the_same(name: str) -> None:
    pytest.importorskip("torch")
    ops, p = make_ops("torch", "float64"), problem(3)
    fit, derivative, _ = losses(NUMPY, p)[name]
    other, its, _ = losses(ops, {key: ops.asarray(array) for key, array in p.items()})[name]
    assert np.allclose(derivative, ops.numpy(its), atol=1e-15)
    assert fit.loss() == pytest.approx(other.loss(), abs=1e-14)


def test_normalised_advantages() -> None:
    a = np.array([1.0, 2.0, 6.0])
    found = normalised(NUMPY, a)
    assert np.allclose(found, (a - 3) / (np.std(a, ddof=1) + 1e-8), atol=1e-12)
    assert normalised(NUMPY, a[:1]).tolist() == [1.0]  # one row has no deviation
    assert not normalised(NUMPY, np.full(4, 2.0)).any()
