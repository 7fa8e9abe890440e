"""Distributions of actions: on numbers worked by hand, against torch's, and as they are drawn."""

import math

import numpy as np
import pytest
import torch
from torch import distributions as oracle

from drl.nn.distributions import BernoulliActions, Categorical, MultiCategorical
from drl.nn.gaussian import DiagonalGaussian, TanhGaussian
from drl.nn.gradcheck import numerical_gradient, relative_error
from drl.nn.ops import make_ops

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def tanh_gaussian(mean, std):
    """torch's, whose entropy has no closed form."""
    normal = oracle.Independent(oracle.Normal(mean, std), 1)
    return oracle.TransformedDistribution(normal, oracle.TanhTransform())


def halves(z):
    mean, s = z.chunk(2, dim=1)
    return mean, s


KINDS = {  # our distribution, torch's of the same z
    "categorical": (
        lambda ops: Categorical(ops, 4), lambda z: oracle.Categorical(logits=z),
    ),
    "categorical, 1 action": (
        lambda ops: Categorical(ops, 1), lambda z: oracle.Categorical(logits=z),
    ),
    "switches": (
        lambda ops: BernoulliActions(ops, 3),
        lambda z: oracle.Independent(oracle.Bernoulli(logits=z), 1),
    ),
    "1 switch": (
        lambda ops: BernoulliActions(ops, 1),
        lambda z: oracle.Independent(oracle.Bernoulli(logits=z), 1),
    ),
    "Gaussian": (
        lambda ops: DiagonalGaussian(ops, 3),
        lambda z: oracle.Independent(oracle.Normal(halves(z)[0], halves(z)[1].exp()), 1),
    ),
    "Gaussian, 1 action, bounds": (
        lambda ops: DiagonalGaussian(ops, 1, (-0.5, 0.5)),
        lambda z: oracle.Independent(
            oracle.Normal(halves(z)[0], halves(z)[1].clamp(-0.5, 0.5).exp()), 1
        ),
    ),
}  # fmt: skip
each_kind = pytest.mark.parametrize("kind", KINDS)


def numbers(ops, rng, *shape):
    return ops.asarray(rng.normal(size=shape))


@each_library
@each_kind
@pytest.mark.parametrize("batch", [1, 6])
def test_against_torch(kind, library, batch):
    """log π, entropy, KL and their gradients, in float64."""
    make, theirs = KINDS[kind]
    ops, rng = make_ops(library, "float64"), np.random.default_rng(batch)
    ours = make(ops)
    z, other = (numbers(ops, rng, batch, ours.outputs) for _ in range(2))
    g, h = (numbers(ops, rng, batch) for _ in range(2))
    a = ours.sample(z, rng)
    leaf, leaf_other = (
        torch.tensor(np.asarray(ops.numpy(v)), requires_grad=True) for v in (z, other)
    )
    law = theirs(leaf)
    log_prob, entropy = law.log_prob(torch.as_tensor(np.asarray(a, float))), law.entropy()
    weights = [torch.as_tensor(np.asarray(ops.numpy(v))) for v in (g, h)]
    (log_prob * weights[0] + entropy * weights[1]).sum().backward()

    fit = ours.fit(z, a)
    assert_same(ops, fit.log_prob, log_prob)
    assert_same(ops, ours.log_prob(z, a), log_prob)
    assert_same(ops, fit.entropy, entropy)
    assert_same(ops, fit.pullback(g, h), leaf.grad)
    expected = ops.numpy(fit.pullback(g, ops.zeros(batch) + 0.3))
    np.testing.assert_allclose(ops.numpy(fit.pullback(g, 0.3)), expected, rtol=1e-14)

    leaf.grad = None
    kl = oracle.kl_divergence(theirs(leaf), theirs(leaf_other))
    (kl * weights[0]).sum().backward()
    divergence = ours.kl(z, other)
    assert_same(ops, divergence.value, kl)
    for by_hand, expected in zip(divergence.pullback(g), (leaf, leaf_other), strict=True):
        assert_same(ops, by_hand, expected.grad)


def assert_same(ops, ours, theirs):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert relative_error(np.asarray(ops.numpy(ours)), theirs) < 1e-12


@each_library
def test_several_choices_are_categoricals_apart(library):
    ops, rng = make_ops(library, "float64"), np.random.default_rng(0)
    ours = MultiCategorical(ops, [3, 1, 2])
    z, other = (numbers(ops, rng, 5, 6) for _ in range(2))
    mask = np.ones((5, 6), bool)
    mask[:, 1] = mask[2, 5] = False
    g, h = (numbers(ops, rng, 5) for _ in range(2))
    a = ours.sample(z, rng, mask)
    assert a.shape == (5, 3) and not (a[:, 0] == 1).any() and a[2, 2] == 0
    fit, kl = ours.fit(z, a, mask), ours.kl(z, other, mask)
    log_prob, entropy, value = 0, 0, 0
    for i, span in enumerate((slice(0, 3), slice(3, 4), slice(4, 6))):
        one = Categorical(ops, span.stop - span.start)
        part = one.fit(z[:, span], a[:, i], mask[:, span])
        log_prob, entropy = log_prob + part.log_prob, entropy + part.entropy
        assert (fit.pullback(g, h)[:, span] == part.pullback(g, h)).all()
        apart = one.kl(z[:, span], other[:, span], mask[:, span])
        value = value + apart.value
        for all_of, own in zip(kl.pullback(g), apart.pullback(g), strict=True):
            assert (all_of[:, span] == own).all()
        assert (ours.mode(z, mask)[:, i] == one.mode(z[:, span], mask[:, span])).all()
    for ours_, theirs in (
        (fit.log_prob, log_prob), (fit.entropy, entropy), (kl.value, value),
        (ours.log_prob(z, a, mask), log_prob),
    ):  # fmt: skip
        np.testing.assert_allclose(ops.numpy(ours_), ops.numpy(theirs), rtol=1e-14)


@each_library
def test_categorical_by_hand(library):
    # p = (1, 2, 5)/8, a = 1: log π = −log 4;  H = (3 + 2·2 − 5 log₂ ⅝)/8 bits
    ops = make_ops(library, "float64")
    fit = Categorical(ops, 3).fit(ops.asarray(np.log([[1, 2, 5]])), [1])
    assert float(fit.log_prob[0]) == pytest.approx(-math.log(4), rel=1e-14)
    bits = (3 + 2 * 2 - 5 * math.log2(5 / 8)) / 8
    assert float(fit.entropy[0]) == pytest.approx(bits * math.log(2), rel=1e-14)
    dz = ops.numpy(fit.pullback(ops.asarray([8.0]), 0.0))  # g (1[k = a] − p)
    np.testing.assert_allclose(dz, [[-1, 6, -5]], rtol=1e-14)


@each_library
def test_gaussian_by_hand(library):
    # μ = 1, σ = 2, a = 4: u = 3/2;  log π = −9/8 − log 2 − ½ log 2π
    # g = 4, h = 10: ∂L/∂μ = g u/σ = 3, ∂L/∂s = g (u² − 1) + h = 5 + 10
    ops = make_ops(library, "float64")
    fit = DiagonalGaussian(ops, 1).fit(ops.asarray([[1, math.log(2)]]), [[4]])
    expected = -9 / 8 - math.log(2) - HALF_LOG_2PI
    assert float(fit.log_prob[0]) == pytest.approx(expected, rel=1e-14)
    assert float(fit.entropy[0]) == pytest.approx(math.log(2) + HALF_LOG_2PI + 0.5, rel=1e-14)
    dz = ops.numpy(fit.pullback(ops.asarray([4.0]), ops.asarray([10.0])))
    np.testing.assert_allclose(dz, [[3, 15]], rtol=1e-14)


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_forbidden_has_no_probability_and_no_gradient(library, dtype):
    ops, rng = make_ops(library, dtype), np.random.default_rng(0)
    mask = rng.random((200, 4)) < 0.5
    mask[:, 0] = True
    z, other = numbers(ops, rng, 200, 4), numbers(ops, rng, 200, 4)
    g = numbers(ops, rng, 200)
    switches = rng.random((200, 4, 2)) < 0.7  # may it be 0, may it be 1
    switches |= ~switches.any(axis=2, keepdims=True)
    free = switches.all(axis=2)
    for law in (Categorical(ops, 4), BernoulliActions(ops, 4)):
        flags = mask if isinstance(law, Categorical) else switches.reshape(200, 8)
        a = law.sample(z, rng, flags)
        best = law.mode(z, flags)
        for chosen in (a, best):
            if chosen.ndim == 1:
                assert mask[np.arange(200), chosen].all()
            else:
                assert np.take_along_axis(switches, chosen[:, :, None].astype(int), 2).all()
        fit, kl = law.fit(z, a, flags), law.kl(z, other, flags)
        for array in (fit.log_prob, fit.entropy, kl.value):
            assert np.isfinite(ops.numpy(array)).all()
        for dz in (fit.pullback(g, 0.7), *kl.pullback(g)):
            dz = ops.numpy(dz)
            fixed = ~mask if isinstance(law, Categorical) else ~free
            assert (dz[fixed] == 0).all() and np.isfinite(dz).all() and dz.any()
    p = ops.numpy(Categorical(ops, 4).probs(z, mask))
    assert (p[~mask] == 0).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)


def frequencies(law, z, draws, seed):
    rng = np.random.default_rng(seed)
    return law.sample(np.repeat(z, draws, axis=0), rng)


def test_samples_follow_their_law():
    """Shares within five standard errors: a false alarm in 1.7 million."""
    ops, n = make_ops("numpy"), 200_000
    p = np.array([0.5, 0.3, 0.19989, 0.0001, 0.00001])
    a = frequencies(Categorical(ops, 5), np.log(p / p.sum())[None].astype(np.float32), n, 1)
    share = np.bincount(a, minlength=5) / n
    assert (abs(share - p) <= 5 * np.sqrt(p * (1 - p) / n)).all()
    z = np.array([[-2.0, 0.0, 3.0]], np.float32)
    p = 1 / (1 + np.exp(-z[0]))
    share = frequencies(BernoulliActions(ops, 3), z, n, 2).mean(0)
    assert (abs(share - p) <= 5 * np.sqrt(p * (1 - p) / n)).all()
    z = np.array([[1.0, -3.0, -1.0, 0.5]], np.float32)
    a = frequencies(DiagonalGaussian(ops, 2), z, n, 3)
    sigma = np.exp(z[0, 2:])
    assert (abs(a.mean(0) - z[0, :2]) <= 5 * sigma / np.sqrt(n)).all()
    assert (abs(a.std(0) / sigma - 1) <= 5 / np.sqrt(2 * n)).all()


@each_library
def test_samples_are_of_the_generator_and_the_precision(library):
    """Equal z and generator, equal samples; float32 stays float32; one column for one action."""
    ops = make_ops(library)
    z = numbers(ops, np.random.default_rng(0), 7, 6)
    for law, kind in (
        (Categorical(ops, 6), np.int64), (MultiCategorical(ops, [2, 4]), np.int64),
        (BernoulliActions(ops, 6), np.int8), (DiagonalGaussian(ops, 3), np.float32),
        (TanhGaussian(ops, 3), np.float32),
    ):  # fmt: skip
        one, two = (law.sample(z, np.random.default_rng(5)) for _ in range(2))
        assert (one == two).all() and type(one) is type(law.mode(z)) is np.ndarray
        assert one.dtype == law.mode(z).dtype == kind
        fit = law.fit(z, one)
        for array in (fit.log_prob, fit.entropy, fit.pullback(fit.log_prob, 0.1)):
            assert array.dtype == ops.dtype
        assert fit.pullback(fit.log_prob, 0.1).shape == z.shape


# -- squashed by tanh -----------------------------------------------------------------------------
@each_library
@pytest.mark.parametrize("k", [1, 3])
def test_tanh_gaussian_against_torch(library, k):
    """log π by sample and pathwise, and their gradients; s on both sides of its bounds."""
    ops, rng = make_ops(library, "float64"), np.random.default_rng(k)
    ours = TanhGaussian(ops, k, (-1.0, 1.0))
    z, noise = numbers(ops, rng, 8, 2 * k), numbers(ops, rng, 8, k)
    d_action, w = numbers(ops, rng, 8, k), numbers(ops, rng, 8)
    leaf, eps, g, weight = (torch.tensor(ops.numpy(v)) for v in (z, noise, d_action, w))
    leaf.requires_grad_()
    mean, s = halves(leaf)
    law = tanh_gaussian(mean, s.clamp(-1, 1).exp())
    action = torch.tanh(mean + s.clamp(-1, 1).exp() * eps)
    log_prob = law.log_prob(action)
    ((action * g).sum() + (log_prob * weight).sum()).backward()
    path = ours.pathwise(z, noise)
    assert_same(ops, path.action, action)
    assert_same(ops, path.log_prob, log_prob)
    assert_same(ops, path.pullback(d_action, w), leaf.grad)
    np.testing.assert_allclose(
        ops.numpy(path.pullback(d_action, 0.2)),
        ops.numpy(path.pullback(d_action, ops.zeros(8) + 0.2)),
        rtol=1e-14,
    )

    u = ours.sample(z, rng)
    fit = ours.fit(z, u)
    leaf.grad = None
    log_prob = law_of(leaf).log_prob(torch.tanh(torch.as_tensor(np.asarray(u, float))))
    (log_prob * weight).sum().backward()
    assert_same(ops, fit.log_prob, log_prob)
    assert_same(ops, ours.log_prob(z, u), log_prob)
    assert_same(ops, fit.pullback(w, 0.0), leaf.grad)

    def entropies():
        return float(ops.sum(ours.fit(z, u).entropy * w))

    numeric = numerical_gradient(entropies, z)
    assert relative_error(ops.numpy(fit.pullback(ops.zeros(8), w)).ravel(), numeric) < 1e-8


def law_of(leaf):
    mean, s = halves(leaf)
    return tanh_gaussian(mean, s.clamp(-1, 1).exp())


def exact_log_prob(mean, sigma, u):
    """Of a = tanh u, in twice the digits: c(u) = log(1 − tanh² u) = −2 log cosh u."""
    import mpmath

    with mpmath.workdps(50):
        x = (mpmath.mpf(u) - mean) / sigma
        density = -x * x / 2 - mpmath.log(sigma) - mpmath.log(2 * mpmath.pi) / 2
        return float(density + 2 * mpmath.log(mpmath.cosh(mpmath.mpf(u))))


@each_library
@pytest.mark.parametrize("u", [-20.0, -9.0, -0.5, 0.0, 1e-3, 3.0, 20.0])
def test_log_prob_is_right_where_tanh_is_one(library, u):
    """At |u| = 20 the usual log(1 − a² + 1e-6) is off by 24.8 nats."""
    ops = make_ops(library, "float64")
    law, z = TanhGaussian(ops, 1), ops.asarray([[u - 0.25, -1.0]])
    expected = exact_log_prob(u - 0.25, math.exp(-1), u)
    assert float(law.log_prob(z, [[u]])[0]) == pytest.approx(expected, rel=2e-15)
    path = law.pathwise(z, ops.asarray([[0.25 * math.e]]))
    assert float(path.log_prob[0]) == pytest.approx(expected, rel=2e-15)
    assert math.isfinite(float(path.pullback(ops.asarray([[1.0]]), 0.1)[0, 1]))


@pytest.mark.parametrize("s", [-3.0, -1.0, 0.0, 1.0])
@pytest.mark.parametrize("mean", [0.0, 0.7, -3.0])
def test_the_squashed_entropy_against_an_integral(s, mean):
    """H = −∫ π log π, by the trapezoidal rule over u on ± 12 σ."""
    ops = make_ops("numpy", "float64")
    law = TanhGaussian(ops, 1)
    u = np.linspace(mean - 12 * math.exp(s), mean + 12 * math.exp(s), 40_001)[:, None]
    z = np.tile([[mean, s]], (len(u), 1))
    density = np.exp(DiagonalGaussian(ops, 1).log_prob(z, u))
    expected = -np.trapezoid(density * law.log_prob(z, u), u[:, 0])
    assert law.fit(z[:1], u[:1]).entropy[0] == pytest.approx(expected, abs=QUADRATURE[s])


QUADRATURE = {-3.0: 1e-12, -1.0: 1e-9, 0.0: 1e-4, 1.0: 3e-2}  # what 32 nodes give


def test_an_action_and_its_sample():
    ops = make_ops("numpy")
    law, plain = TanhGaussian(ops, 2), DiagonalGaussian(ops, 2)
    u = np.array([[-0.3, 2.0]], np.float32)
    np.testing.assert_allclose(law.sample_of(law.action(u)), u, rtol=1e-5)
    assert np.isfinite(law.sample_of(np.array([[1.0, -1.0]], np.float32))).all()
    assert plain.action(u) is u


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda ops: Categorical(ops, 0), "at least 1 action"),
        (lambda ops: MultiCategorical(ops, []), "at least 1"),
        (lambda ops: BernoulliActions(ops, 0), "at least 1"),
        (lambda ops: DiagonalGaussian(ops, 0), "at least 1"),
        (lambda ops: Categorical(ops, 2).log_prob(np.zeros((2, 2)), [0, 2]), "0 … 1"),
        (lambda ops: MultiCategorical(ops, [2, 3]).log_prob(np.zeros((1, 5)), [[2, 2]]), "0 … 1"),
        (lambda ops: Categorical(ops, 2).fit(np.zeros((3, 2)), [[0], [1], [0]]), r"\(3,\)"),
        (lambda ops: BernoulliActions(ops, 2).fit(np.zeros((3, 2)), np.zeros((3, 1))), r"\(3, 2\)"),
        (lambda ops: DiagonalGaussian(ops, 1).fit(np.zeros((3, 2)), np.zeros(3)), r"\(3, 1\)"),
        (lambda ops: MultiCategorical(ops, [2]).fit(np.zeros((3, 2)), [0, 0, 0]), r"\(3, 1\)"),
    ],
)
def test_misfits_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(make_ops("numpy", "float64"))
