"""Each loss: value and gradient by hand, against torch, and at ±1e4."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from drl.nn.gradcheck import check_loss
from drl.nn.losses import (
    MSE,
    Bernoulli,
    Huber,
    QuantileHuber,
    SoftmaxCrossEntropy,
    SortedQuantileHuber,
)  # fmt: skip
from drl.nn.ops import make_ops

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)


def call(loss, y, t):
    value, dy = loss(loss.ops.asarray(y), t)
    return float(value), loss.ops.numpy(dy)


@each_library
def test_bernoulli_by_hand(library):
    # z = (0, ln 3): p = (½, ¾); t = (1, 0): L = −log ½ − log ¼ = 3 log 2 and dz = (−½, ¾), B = 1
    loss = Bernoulli(make_ops(library, "float64"))
    value, dz = call(loss, [[0, np.log(3)]], [[1, 0]])
    assert value == pytest.approx(3 * np.log(2), rel=1e-14)
    np.testing.assert_allclose(dz, [[-0.5, 0.75]], rtol=1e-14)


@each_library
def test_softmax_by_hand(library):
    # z = log (1, 2, 5): p = (1, 2, 5)/8; the second is right: L = log 4, dz = (1, 2 − 8, 5)/8
    loss = SoftmaxCrossEntropy(make_ops(library, "float64"))
    value, dz = call(loss, np.log([[1, 2, 5]]), [1])
    assert value == pytest.approx(np.log(4), rel=1e-14)
    np.testing.assert_allclose(dz, [[1 / 8, -6 / 8, 5 / 8]], rtol=1e-14)


@each_library
def test_mse_by_hand(library):
    # δ = (1, −2), (3, 0), B = 2: L = (1 + 4 + 9)/2 = 7, dy = 2δ/2 = δ.  Not divided by outputs.
    value, dy = call(MSE(make_ops(library, "float64")), [[2, 0], [3, 1]], [[1, 2], [0, 1]])
    assert value == 7
    assert dy.tolist() == [[1, -2], [3, 0]]


@each_library
def test_huber_by_hand(library):
    # κ = 2, δ = 1, 2, −6, 100: h = ½, 2, 2(6 − 1), 2(100 − 1) = 210.5 in all, B = 4
    loss = Huber(make_ops(library, "float64"), kappa=2)
    value, dy = call(loss, [1, 2, -6, 100], [0, 0, 0, 0])
    assert value == 210.5 / 4
    assert dy.tolist() == [1 / 4, 2 / 4, -2 / 4, 2 / 4]


@each_library
def test_hubers_gradient_is_clipped_and_does_not_vanish(library):
    """The square of a clipped error would have gradient 0 from ±κ on."""
    loss = Huber(make_ops(library, "float64"))
    far = np.array([-1e6, -3, -1.0001, 1.0001, 3, 1e6])
    value, dy = call(loss, far, np.zeros(6))
    assert dy.tolist() == [-1 / 6, -1 / 6, -1 / 6, 1 / 6, 1 / 6, 1 / 6]
    assert value == pytest.approx((np.abs(far) - 0.5).sum() / 6)


@each_library
@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("batch", [1, 4])
def test_value_and_gradient_belong_together(library, outputs, batch):
    """However many outputs and examples: the gradient is that of the value which is reported."""
    rng = np.random.default_rng(outputs)
    ops = make_ops(library, "float64")
    y = ops.asarray(rng.normal(0, 2, (batch, outputs)))
    real, labels = rng.normal(size=(batch, outputs)), rng.integers(0, outputs, batch)
    for loss, target in (
        (MSE(ops), real), (Huber(ops), real), (Bernoulli(ops), rng.random((batch, outputs))),
        (SoftmaxCrossEntropy(ops), labels),
    ):  # fmt: skip
        error = check_loss(lambda y, loss=loss, target=target: loss(y, target), y)
        assert error < 1e-7, loss


@each_library
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
def test_against_torch(library, dtype, rtol):
    rng = np.random.default_rng(0)
    ops = make_ops(library, dtype)
    y, t = rng.normal(0, 3, (6, 3)), rng.normal(size=(6, 3))
    p, labels = rng.random((6, 3)), rng.integers(0, 3, 6)
    for loss, target, oracle in (
        (MSE(ops), t, F.mse_loss),
        (Huber(ops, 1.5), t, lambda *a, **k: F.huber_loss(*a, **k, delta=1.5)),
        (Bernoulli(ops), p, F.binary_cross_entropy_with_logits),
        (SoftmaxCrossEntropy(ops), labels, F.cross_entropy),
    ):
        leaf = torch.tensor(y, requires_grad=True)
        expected = oracle(leaf, torch.tensor(target), reduction="sum") / 6
        expected.backward()
        value, dy = call(loss, y, target)
        assert dy.dtype == np.dtype(dtype)
        assert value == pytest.approx(expected.item(), rel=10 * rtol)
        np.testing.assert_allclose(dy, leaf.grad, rtol=rtol, atol=rtol)


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stable_at_huge_logits(library, dtype):
    ops = make_ops(library, dtype)
    value, dz = call(SoftmaxCrossEntropy(ops), [[1e4, -1e4, 0], [1e4, -1e4, 0]], [0, 1])
    assert value == 1e4  # (0 + 2e4)/2
    assert dz.tolist() == [[0, 0, 0], [0.5, -0.5, 0]]
    value, dz = call(SoftmaxCrossEntropy(ops), [[1e4] * 4], [2])  # equal, however large
    assert value == pytest.approx(np.log(4))

    value, dz = call(Bernoulli(ops), [[1e4, -1e4], [1e4, -1e4]], [[1, 0], [0, 1]])
    assert value == 1e4  # (0 + 0 + 1e4 + 1e4)/2
    assert dz.tolist() == [[0, 0], [0.5, -0.5]]

    for loss in (MSE(ops), Huber(ops)):
        value, dy = call(loss, [[1e4, -1e4]], [[-1e4, 1e4]])
        assert np.isfinite(value)
        assert np.isfinite(dy).all()


@each_library
def test_shapes_that_would_broadcast_are_refused(library):
    ops = make_ops(library)
    for loss in (MSE(ops), Huber(ops), Bernoulli(ops)):
        with pytest.raises(ValueError, match=r"shape \(3, 1\), got \(3,\)"):
            call(loss, np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(3, 1\)"):
        call(SoftmaxCrossEntropy(ops), np.zeros((3, 2)), np.zeros((3, 1), int))
    with pytest.raises(ValueError, match="kappa > 0"):
        Huber(ops, 0)


@each_library
@pytest.mark.parametrize(("label", "words"), [(-1, "0 … 2, got -1"), (3, "0 … 2, got 3")])
@pytest.mark.parametrize("given", ["list", "array", "library's"])
def test_a_label_that_is_no_class_is_refused(library, label, words, given):
    loss = SoftmaxCrossEntropy(make_ops(library, "float64"))
    make = {"list": list, "array": np.array, "library's": loss.ops.indices}[given]
    with pytest.raises(ValueError, match=words):
        call(loss, [[1.0, 2.0, 3.0]] * 2, make([0, label]))


@each_library
@pytest.mark.parametrize(
    "labels", [[0.0, 1.7], [-0.25, 1.0], [0.0, 1.0], [np.nan, 0.0], [True, False], ["0", "1"]]
)
@pytest.mark.parametrize("given", ["list", "array", "library's"])
def test_labels_are_integers(library, labels, given):
    """1.7 was class 1, −0.25 class 0."""
    if given == "library's":
        if isinstance(labels[0], str):
            return
        labels = torch.tensor(labels) if library == "torch" else np.array(labels)
    elif given == "array":
        labels = np.array(labels)
    with pytest.raises(ValueError, match=r"labels must be integers in 0 … 2, got (float|bool|<U)"):
        call(SoftmaxCrossEntropy(make_ops(library)), [[1.0, 2.0, 3.0]] * 2, labels)


@each_library
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint64"])
def test_labels_of_every_integer_type(library, dtype):
    loss = SoftmaxCrossEntropy(make_ops(library, "float64"))
    value, _ = call(loss, [[1.0, 2.0, 3.0]] * 2, np.array([0, 2], dtype))
    expected, _ = call(loss, [[1.0, 2.0, 3.0]] * 2, [0, 2])
    assert float(value) == float(expected)


# -- quantile Huber, pair by pair and by sorted targets -------------------------------------------
RNG = np.random.default_rng(0)
TARGETS = {  # (B, M)
    "on both sides": RNG.normal(0, 3, (6, 115)),
    "ties": RNG.integers(-2, 3, (6, 40)).astype(float),
    "all equal": np.zeros((6, 7)),
    "all far above": RNG.normal(50, 1, (6, 9)),
    "all far below": RNG.normal(-50, 1, (6, 9)),
    "one": RNG.normal(size=(6, 1)),
    "large": RNG.normal(1e4, 3, (6, 50)),
}


@each_library
@pytest.mark.parametrize("kappa", [1.0, 0.3])
@pytest.mark.parametrize("kind", TARGETS)
def test_sorted_targets_pull_as_pairs_do(kind, kappa, library):
    """Quantiles on a target and a κ beside one among them, and τ of every shape."""
    ops, t = make_ops(library, "float64"), TARGETS[kind]
    y = np.concatenate([t[:, :1], t[:, :1] + kappa, t[:, -1:] - kappa, t[:, :4] * 0.7 + 0.1], 1)
    y = ops.asarray(y)
    for tau in (RNG.random(y.shape[1]), RNG.random((1, y.shape[1])), RNG.random(tuple(y.shape))):
        by_pairs, by_sums = (
            ops.numpy(loss(ops, kappa).gradient(y, t, ops.asarray(tau)))
            for loss in (QuantileHuber, SortedQuantileHuber)
        )
        assert np.abs(by_sums - by_pairs).max() <= 1e-12 * np.abs(by_pairs).max()


@each_library
def test_sorted_quantile_huber_by_hand(library):
    # κ = 1, y = 0, τ = ¼, t = (−3, −½, 0, ½, 2): over = 1 + ½, under = 0 + ½ + 1, B = 1, M = 5
    loss = SortedQuantileHuber(make_ops(library, "float64"))
    dy = loss.gradient(loss.ops.asarray([[0]]), [[0.5, -3, 2, 0, -0.5]], 0.25)
    np.testing.assert_allclose(loss.ops.numpy(dy), [[(0.75 * 1.5 - 0.25 * 1.5) / 5]], rtol=1e-14)


@each_library
def test_sorted_quantile_huber_keeps_float32_s_digits(library):
    ops, t = make_ops(library), RNG.normal(3e4, 1, (6, 115)).astype(np.float32)
    y = t[:, :25] + np.float32(0.25)
    exact = make_ops("numpy", "float64")
    wanted = QuantileHuber(exact).gradient(exact.asarray(y), t, exact.asarray([0.5]))
    found = ops.numpy(SortedQuantileHuber(ops).gradient(ops.asarray(y), t, 0.5))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


@each_library
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_target_or_quantile_that_is_no_number_is_seen(bad, library):
    """Behind all others it would be counted as far above, and pull like one."""
    ops = make_ops(library)
    loss, t = SortedQuantileHuber(ops), np.zeros((2, 5), np.float32)
    t[0, 2] = bad
    y = np.zeros((2, 3), np.float32)
    y[1, 1] = bad
    with np.errstate(invalid="ignore"):  # numpy says so besides
        found = ops.numpy(loss.gradient(ops.asarray(y), t, 0.5))
    assert np.isnan(found).tolist() == [[True, True, True], [False, True, False]]


def test_sorted_targets_of_another_batch_are_refused():
    loss = SortedQuantileHuber(make_ops("numpy"))
    with pytest.raises(ValueError, match="must have shape"):
        loss.gradient(np.zeros((1, 3)), np.zeros((2, 5)), 0.5)
    with pytest.raises(ValueError, match="kappa > 0"):
        SortedQuantileHuber(loss.ops, 0)
