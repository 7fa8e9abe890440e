"""Optimizers: one step by hand, twenty beside torch's, what they keep; schedules; clipping."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from drl.nn import MLP, MSE, make_ops
from drl.nn.constants import Constants
from drl.nn.flat import FlatParameters
from drl.nn.optim import (
    FLUSH_EVERY,
    SGD,
    Adam,
    AdamW,
    CentredRMSProp,
    Momentum,
    RAdam,
    RMSProp,
    clip_norm,
)
from drl.nn.schedules import Constant, Cosine, Linear

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)

EVERY = {
    "SGD": lambda net: SGD(net, 0.1),
    "Momentum": lambda net: Momentum(net, 0.1),
    "RMSProp": lambda net: RMSProp(net, 0.01),
    "CentredRMSProp": lambda net: CentredRMSProp(net, 0.01),
    "Adam": lambda net: Adam(net, 0.01),
    "RAdam": lambda net: RAdam(net, 0.01),
    "AdamW": lambda net: AdamW(net, 0.01, decay=0.1),
}
every_optimizer = pytest.mark.parametrize("name", EVERY)


def four(library, dtype="float64"):
    """A network of four weights, set to (1, 2, 3, 4)."""
    net = MLP(4, 1, hidden=(), bias=False, backend=library, dtype=dtype)
    net.params[:] = net.ops.asarray([1, 2, 3, 4])
    return net


def gradient(step):
    return np.random.default_rng(step).normal(size=4) * [1, 1e-3, 100, 0]


def take(net, optimizer, g):
    net.grads[:] = net.ops.asarray(g)
    optimizer.step()
    return net.ops.numpy(net.params).copy()


@each_library
def test_sgd_descends_and_ascends(library):
    net = four(library)
    assert take(net, SGD(net, 0.5), [2, 0, -2, 4]).tolist() == [0, 2, 4, 2]
    net = four(library)
    assert take(net, SGD(net, 0.5, ascent=True), [2, 0, -2, 4]).tolist() == [2, 2, 2, 6]


@each_library
def test_momentum_by_hand(library):
    # μ = ½, α = 1, g = 1: u = 1, 1.5, 1.75
    net = four(library)
    optimizer = Momentum(net, 1, momentum=0.5)
    for expected in (0, -1.5, -3.25):
        assert take(net, optimizer, [1, 0, 0, 0])[0] == expected


@each_library
def test_rmsprop_by_hand(library):
    # ρ = ¾: v = ¼g² after one step, so a step of α g/(½|g|) = 2α sign g, however large g is
    net = four(library)
    moved = take(net, RMSProp(net, 0.1, rho=0.75, eps=1e-15), [1e-3, 5, -1e3, 0]) - [1, 2, 3, 4]
    np.testing.assert_allclose(moved, [-0.2, -0.2, 0.2, 0], atol=1e-12)
    # centred: m = ¼g, v − m² = ¼g² − g²/16 = 3g²/16: a step of α·4/√3 sign g
    net = four(library)
    moved = take(net, CentredRMSProp(net, 0.1, rho=0.75, eps=1e-15), [1e-3, 5, -1e3, 0])
    moved -= [1, 2, 3, 4]
    np.testing.assert_allclose(moved, np.array([-1, -1, 1, 0]) * 0.4 / math.sqrt(3), rtol=1e-10)


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adams_first_step_is_the_learning_rate(library, dtype):
    """m̂ = g and v̂ = g²: the step is α sign g."""
    net = four(library, dtype)
    moved = take(net, Adam(net, 0.01), [1e-4, 5, -1e3, 0]) - [1, 2, 3, 4]
    np.testing.assert_allclose(moved, [-0.01, -0.01, 0.01, 0], rtol=2e-4)


@each_library
def test_adam_by_hand(library):
    # β₁ = ½, β₂ = ¾, g = 1 then 0:
    # m = ½, ¼;  v = ¼, 3/16;  1−β₁² = ¾, 1−β₂² = 7/16:  m̂ = ⅓, v̂ = 3/7
    net = four(library)
    optimizer = Adam(net, 1, beta1=0.5, beta2=0.75, eps=1e-15)
    assert take(net, optimizer, [1, 0, 0, 0])[0] == pytest.approx(0)
    assert take(net, optimizer, [0, 0, 0, 0])[0] == pytest.approx(-(1 / 3) / math.sqrt(3 / 7))


@each_library
@pytest.mark.parametrize(
    "settings", [(0.9, 0.999, 1e-8), (0.8, 0.9, 1e-4), (0.5, 0.75, 1e-8), (0.0, 0.0, 1e-8)]
)
def test_radam_beside_torchs_over_all_its_phases(library, settings):
    """By β₂: from the 6th step on rectified, from another, or never (ρ∞ ≤ 5: 0.75 and 0)."""
    beta1, beta2, eps = settings
    net, leaf = four(library), torch.tensor([1.0, 2, 3, 4], dtype=torch.float64)
    optimizer = RAdam(net, 0.01, beta1, beta2, eps)
    oracle = torch.optim.RAdam([leaf], 0.01, (beta1, beta2), eps)
    for step in range(40):
        leaf.grad = torch.tensor(gradient(step))
        oracle.step()
        params = take(net, optimizer, gradient(step))
        np.testing.assert_allclose(params, leaf, rtol=1e-13, atol=1e-15)
    kept = oracle.state[leaf]
    for name, theirs in (("m", "exp_avg"), ("v", "exp_avg_sq")):
        ours = net.ops.numpy(getattr(optimizer, name))
        np.testing.assert_allclose(ours, kept[theirs], rtol=1e-12, atol=1e-300)


@each_library
def test_radam_by_hand(library):
    # β₁ = ½, g = 1 then 0: m = ½, ¼; m̂ = 1, ⅓: steps of α m̂ while ρ ≤ 5, whatever v is
    net = four(library)
    optimizer = RAdam(net, 1, beta1=0.5, beta2=0.999)
    assert take(net, optimizer, [1, 0, 0, 0])[0] == pytest.approx(0)
    assert take(net, optimizer, [0, 0, 0, 0])[0] == pytest.approx(-1 / 3)


@each_library
def test_decay_is_apart_from_the_gradient(library):
    net = four(library)  # no gradient: θ ← θ(1 − αλ) and nothing else
    expected = np.array([1, 2, 3, 4]) * (1 - 0.1 * 0.2)
    np.testing.assert_allclose(take(net, AdamW(net, 0.1, decay=0.2), [0, 0, 0, 0]), expected)


@each_library
@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        (lambda net: SGD(net, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (lambda net: Momentum(net, 0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
        (lambda net: RMSProp(net, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
        (
            lambda net: CentredRMSProp(net, 0.01),
            lambda p: torch.optim.RMSprop(p, 0.01, centered=True),
        ),
        (lambda net: Adam(net, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
        (lambda net: RAdam(net, 0.01), lambda p: torch.optim.RAdam(p, 0.01)),
        (
            lambda net: AdamW(net, 0.01, decay=0.1, beta1=0.8, beta2=0.99, eps=1e-4),
            lambda p: torch.optim.AdamW(p, 0.01, (0.8, 0.99), 1e-4, weight_decay=0.1),
        ),
    ],
    ids=list(EVERY),
)
def test_twenty_steps_beside_torchs(library, ours, torchs):
    net, leaf = four(library), torch.tensor([1.0, 2, 3, 4], dtype=torch.float64)
    optimizer, oracle = ours(net), torchs([leaf])
    for step in range(20):
        leaf.grad = torch.tensor(gradient(step))
        oracle.step()
        params = take(net, optimizer, gradient(step))
        np.testing.assert_allclose(params, leaf, rtol=1e-12)


@every_optimizer
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
def test_libraries_agree(name, dtype, rtol):
    results = []
    for library in LIBRARIES:
        net = four(library, dtype)
        optimizer = EVERY[name](net)
        for step in range(20):
            params = take(net, optimizer, gradient(step))
        assert params.dtype == np.dtype(dtype)
        results.append(params)
    np.testing.assert_allclose(*results, rtol=rtol)


@each_library
@every_optimizer
def test_state_goes_on_exactly(library, name):
    through, first, second = four(library), four(library), four(library)
    optimizer = EVERY[name](through)
    for step in range(10):
        take(through, optimizer, gradient(step))

    before = EVERY[name](first)
    for step in range(5):
        take(first, before, gradient(step))
    state = before.state()
    take(first, before, gradient(99))  # what was saved is a copy
    after = EVERY[name](second)
    after.load_state(state)
    net_at_5 = four(library)
    replay = EVERY[name](net_at_5)
    for step in range(5):
        take(net_at_5, replay, gradient(step))
    second.copy_from(net_at_5)
    for step in range(5, 10):
        take(second, after, gradient(step))
    assert second.ops.numpy(second.params).tolist() == through.ops.numpy(through.params).tolist()


@each_library
@every_optimizer
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_last_change_is_what_the_step_did(library, name, dtype, rtol):
    """From what the step leaves behind, and nothing is written while it is read."""
    net = four(library, dtype)
    optimizer = EVERY[name](net)
    assert optimizer.last_change() is None
    for step in range(1, 6):
        before = net.ops.numpy(net.params).copy()
        after = take(net, optimizer, gradient(step) if step % 2 else -gradient(step))
        kept = {name: array.copy() for name, array in arrays(optimizer).items()}
        change = net.ops.numpy(optimizer.last_change())
        assert change.dtype == np.dtype(dtype)
        # rounding: of θ, as `after` holds it, and of the change itself
        ulp = 2 * np.finfo(dtype).eps * np.abs(before).max()
        np.testing.assert_allclose(change, after - before, rtol=rtol, atol=ulp)
        assert np.abs(change).max() > 1e3 * ulp
        for name_, array in arrays(optimizer).items():
            assert np.array_equal(array, kept[name_])
    net.grads[:] = net.ops.asarray(gradient(9))
    before = net.ops.numpy(net.params).copy()
    optimizer.step(lr=0.5)  # the learning rate that was used, not the schedule's
    change = net.ops.numpy(optimizer.last_change())
    np.testing.assert_allclose(change, net.ops.numpy(net.params) - before, rtol=rtol, atol=ulp)
    optimizer.load_state(optimizer.state())
    assert optimizer.last_change() is None  # the gradient of a loaded state is not there


def arrays(optimizer):
    """θ, g and the moments, as numpy."""
    named = {name: getattr(optimizer, name) for name in optimizer.moments}
    named |= {"params": optimizer.net.params, "grads": optimizer.net.grads}
    return {name: optimizer.ops.numpy(array) for name, array in named.items()}


def test_a_step_that_forgets_the_weights_has_no_change_to_tell():
    net = four("numpy")
    optimizer = AdamW(net, 2, decay=0.5)  # keep = 1 − αλ = 0
    take(net, optimizer, [1, 1, 1, 1])
    assert optimizer.last_change() is None


@each_library
@every_optimizer
def test_a_vector_without_a_network_is_trained(library, name):
    """SAC's log α is a number, not a network."""
    net, alone = four(library), FlatParameters(make_ops(library, "float64"), 4)
    alone.params[:] = net.params
    optimizers = EVERY[name](net), EVERY[name](alone)
    for step in range(5):
        for of, optimizer in zip((net, alone), optimizers, strict=True):
            of.grads[:] = of.ops.asarray(gradient(step))
            clip_norm(of, 1.0)
            optimizer.step()
    assert (alone.params == net.params).all()


@each_library
def test_moments_of_dead_weights_do_not_stay_subnormal(library):
    net = four(library, "float32")
    optimizer = Adam(net, 0.01)
    take(net, optimizer, [1, 1, 1, 0])
    smallest = np.finfo(np.float32).tiny
    for _ in range(4 * FLUSH_EVERY):
        take(net, optimizer, [0, 0, 0, 0])
        m = np.abs(optimizer.state()["m"])
        assert ((m == 0) | (m >= smallest)).all()
    assert (m == 0).all()


def test_torchs_processor_mode_is_left_alone():
    """Flush-to-zero belongs to the whole process: a library must not set it behind one's back."""
    four("torch")
    assert np.float32(1e-40) * np.float32(1) > 0


@each_library
def test_clip_norm(library):
    net = four(library)
    net.grads[:] = net.ops.asarray([3, 0, -4, 0])
    assert clip_norm(net, 10) == 5
    assert net.ops.numpy(net.grads).tolist() == [3, 0, -4, 0]
    assert clip_norm(net, 2.5) == 5
    np.testing.assert_allclose(net.ops.numpy(net.grads), [1.5, 0, -2, 0])
    net.grads[:] = 0
    assert clip_norm(net, 1) == 0


def test_schedules():
    assert [Constant(3)(t) for t in (0, 10**9)] == [3, 3]
    linear = Linear(1, 0.2, 8)
    assert [linear(t) for t in (0, 2, 4, 8, 100)] == pytest.approx([1, 0.8, 0.6, 0.2, 0.2])
    cosine = Cosine(1, 0.2, 6)  # cos π/3 = ½: ¾ of the way down is left at a third of the time
    assert [cosine(t) for t in (0, 2, 3, 4, 6, 100)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0.2])


@each_library
def test_learning_rate_follows_the_schedule(library):
    net = four(library)
    optimizer = SGD(net, Linear(1, 0, 4))
    moved = [take(net, optimizer, [1, 0, 0, 0])[0] for _ in range(5)]
    assert moved == pytest.approx([0, -0.75, -1.25, -1.5, -1.5])  # 1, ¾, ½, ¼, 0
    net.grads[:] = net.ops.asarray([1, 0, 0, 0])
    optimizer.step(lr=0.5)
    assert float(net.params[0]) == pytest.approx(-2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda net: SGD(net, 0), "lr must be above 0"),
        (lambda net: Adam(net, float("nan")), "lr must be above 0"),
        (lambda net: Adam(net, beta2=1), "beta2"),
        (lambda net: Adam(net, eps=0), "eps"),
        (lambda net: AdamW(net, decay=-1), "decay"),
        (lambda net: Momentum(net, momentum=1.5), "momentum"),
        (lambda net: RMSProp(net, rho=-0.1), "rho"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(four("numpy"))


@each_library
def test_trainings_in_threads_do_not_meet(library):
    """What belongs to one computation, as Adam's count of steps, is in no object that all share."""

    def train(steps: int) -> np.ndarray:
        net = MLP(8, 4, (16,), backend=library, seed=3)
        optimizer = Adam(net, 0.01)
        x, t = np.linspace(-1, 1, 64).reshape(8, 8), np.zeros((8, 4))
        for _ in range(steps):
            y, backward = net.forward(x)
            backward(MSE(net.ops)(y, t)[1])
            optimizer.step()
        return net.ops.numpy(net.params).copy()

    counts = [30, 200, 60, 90]
    alone = [train(steps) for steps in counts]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(counts)) as pool:
            together = list(pool.map(train, counts * 5))
    finally:
        sys.setswitchinterval(switch)
    for got, expected in zip(together, alone * 5, strict=True):
        assert np.array_equal(got, expected)


@each_library
def test_operations_keep_nothing_of_a_step(library):
    """Their attributes are the same objects with the same numbers after it."""
    net = MLP(8, 4, (16,), backend=library, seed=3)
    optimizer = Adam(net, 0.01)

    def seen() -> dict[str, tuple[int, str]]:
        kept = vars(net.ops).items()
        return {name: (id(v), repr(v)) for name, v in kept if not isinstance(v, Constants)}

    before = seen()
    y, backward = net.forward(np.ones((2, 8)))
    backward(y)
    optimizer.step()
    assert seen() == before
