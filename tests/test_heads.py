"""The distributional heads: projections by hand, gradients against differences and autograd."""

from typing import Any

import numpy as np
import pytest
import torch
from made import dqn
from made import step as one_step
from torch.nn import functional as F

from agents.dqn.categorical import C51Head
from agents.dqn.config import DQNConfig
from agents.dqn.deterministic import deterministic_network
from agents.dqn.heads import Head, QHead, Target
from agents.dqn.networks import build_head, build_network, own_network
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead, midpoints
from agents.metrics import dead_relus
from drl.nn import Linear, Network
from drl.nn.embedding import QuantileEmbedding
from drl.nn.ops import make_ops

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])


def projected(library: str, p: Any, r: float, discount: float) -> list[float]:
    """Five atoms −2, −1, 0, 1, 2."""
    ops = make_ops(library, "float64")
    head = C51Head(ops, actions=2, atoms=5, v_min=-2.0, v_max=2.0)
    target = Target(ops.asarray([r]), ops.asarray([discount]), ops.asarray([p]))
    return ops.numpy(head.project(target))[0].round(12).tolist()


@each_library
def test_projection_by_hand(library: str) -> None:
    uniform = [0.2] * 5
    # on the grid, unmoved
    assert projected(library, uniform, 0.0, 1.0) == uniform
    # moved by a whole atom: the topmost lands beyond the end, and stays there
    assert projected(library, uniform, 1.0, 1.0) == [0.0, 0.2, 0.2, 0.2, 0.4]
    # between two atoms, split by nearness: 0 lands at 0.25
    assert projected(library, [0, 0, 1, 0, 0], 0.25, 1.0) == [0.0, 0.0, 0.75, 0.25, 0.0]
    # halved: −2 → −1, −1 → −½, 0, ½, 1
    assert projected(library, uniform, 0.0, 0.5) == [0.0, 0.3, 0.4, 0.3, 0.0]
    # terminal: all mass at the reward, on an atom, between two, and beyond both ends
    assert projected(library, uniform, 1.0, 0.0) == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert projected(library, uniform, -0.5, 0.0) == [0.0, 0.5, 0.5, 0.0, 0.0]
    assert projected(library, uniform, 7.0, 0.0) == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert projected(library, uniform, -7.0, 0.0) == [1.0, 0.0, 0.0, 0.0, 0.0]


@each_library
def test_projection_keeps_mass_and_what_can_be_kept_of_the_mean(library: str) -> None:
    rng = np.random.default_rng(0)
    ops = make_ops(library, "float64")
    head = C51Head(ops, actions=3, atoms=51, v_min=-10.0, v_max=10.0)
    p, r, discount = rng.dirichlet(np.ones(51), 64), rng.uniform(-0.5, 0.5, 64), np.full(64, 0.9)
    m = ops.numpy(head.project(Target(ops.asarray(r), ops.asarray(discount), ops.asarray(p))))
    assert np.allclose(m.sum(axis=1), 1) and (m >= 0).all()
    support = np.linspace(-10, 10, 51)  # nothing leaves the ends: the mean is exactly the target's
    assert np.allclose(m @ support, r + 0.9 * (p @ support))


def test_midpoints() -> None:
    assert midpoints(4).tolist() == [0.125, 0.375, 0.625, 0.875]


HEADS = {
    "mean": lambda ops, rng: QHead(ops, 3),
    "c51": lambda ops, rng: C51Head(ops, 3, 7, -2.0, 2.0),
    "qr": lambda ops, rng: QuantileHead(ops, 3, 5),
    "iqn": lambda ops, rng: ImplicitQuantileHead(ops, 3, 4, 5, rng),
}
CONFIGS = {"mean": {}, "c51": {"atoms": 7, "v_min": -2.0, "v_max": 2.0}, "qr": {"quantiles": 5},
           "iqn": {"quantiles": 5, "iqn_samples": 4}}  # fmt: skip


def built(name: str, library: str, **more: Any) -> tuple[Any, Head]:
    config = DQNConfig(hidden=(6, 8), head=name, activation="tanh", **CONFIGS[name], **more)
    net = build_network(config, (4,), np.float32, 3, 1, library, "float64")
    return net, build_head(config, net.ops, 3, np.random.default_rng(0))


def problem(head: Head, net: Any, seed: int = 0) -> tuple[Any, Any, Target, Any]:
    """s, a, target, weights: five examples."""
    rng, ops = np.random.default_rng(seed), net.ops
    s, s_next = rng.normal(size=(2, 5, 4))
    a = ops.indices(np.array([0, 2, 1, 1, 0]))
    z = head.at(head.outputs(net, ops.asarray(s_next)), ops.indices(np.array([1, 1, 0, 2, 2])))
    target = Target(ops.asarray(rng.normal(size=5)), ops.asarray([0.9, 0, 0.9, 0.5, 0.9]), z)
    return ops.asarray(s), a, target, ops.asarray(rng.uniform(0.1, 1, 5))


@each_library
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("more", [{}, {"dueling": True}, {"noisy": True}], ids=str)
def test_fit_is_the_gradient_of_its_loss(name: str, library: str, more: Any) -> None:
    """∂L/∂θ of the whole agent's loss, weights 1, against differences in every parameter."""
    net, head = built(name, library, **more)
    net.resample(np.random.default_rng(3))
    s, a, target, weight = problem(head, net)

    def fit() -> tuple[Any, Any]:
        if isinstance(head, ImplicitQuantileHead):
            head.rng = np.random.default_rng(7)  # the same fractions every time
        z, backward = head.forward(net, s)
        return head.fit(z, a, target, weight * 0 + 1), backward

    made, backward = fit()
    backward(made.dz)
    by_hand = net.ops.numpy(net.grads).copy()
    for i in np.random.default_rng(0).choice(net.size, 60, replace=False):
        values = []
        for step in (1e-5, -1e-5):
            net.params[i] += step
            values.append(fit()[0].loss())
            net.params[i] -= step
        difference = (values[0] - values[1]) / 2e-5
        assert by_hand[i] == pytest.approx(difference, rel=1e-6, abs=1e-8)


@each_library
@pytest.mark.parametrize("name", HEADS)
def test_output_gradient_against_autograd(name: str, library: str) -> None:
    """∂L/∂output with weights, the losses written apart in torch."""
    net, head = built(name, library)
    s, a, target, weight = problem(head, net)
    z, _ = head.forward(net, s)
    fit = head.fit(z, a, target, weight)
    rows = torch.arange(5)
    t_a, t_w, t_z, t_r, t_d = (
        torch.as_tensor(net.ops.numpy(x)) for x in (a, weight, target.z, target.r, target.discount)
    )
    outputs = z[0] if isinstance(z, tuple) else z
    leaf = torch.tensor(net.ops.numpy(outputs), requires_grad=True)
    if name == "mean":
        y = t_r + t_d * t_z
        losses = F.huber_loss(leaf[rows, t_a], y, reduction="none")
    elif name == "c51":
        m = torch.as_tensor(net.ops.numpy(head.project(target)))
        losses = -(m * F.log_softmax(leaf.reshape(5, 3, 7)[rows, t_a], 1)).sum(1)
    else:
        theta, tau = leaf[rows, t_a], torch.as_tensor(net.ops.numpy(z[1]))
        u = (t_r[:, None] + t_d[:, None] * t_z)[:, None, :] - theta[:, :, None]
        side = (tau[..., None] - (u.detach() < 0).double()).abs()
        huber = torch.where(u.abs() <= 1, 0.5 * u**2, u.abs() - 0.5)
        losses = (side * huber).mean(2).sum(1)
    (losses * t_w).mean().backward()
    expected = np.asarray(leaf.grad)
    if name in ("qr", "iqn"):  # by action there, as the network gives it here
        expected = net.ops.numpy(head._to_output(net.ops.asarray(expected)))
    assert np.abs(net.ops.numpy(fit.dz) - expected).max() < 1e-12


def test_errors_and_q_are_what_they_say() -> None:
    for name in HEADS:
        net, head = built(name, "numpy")
        s, a, target, weight = problem(head, net)
        z, _ = head.forward(net, s)
        fit = head.fit(z, a, target, weight)
        q = fit.q()
        assert q.shape == (5, 3)
        mean = {"mean": target.z, "c51": None}.get(name, np.mean(target.z, axis=-1))
        if name == "c51":
            m = head.project(target)
            assert (fit.error > 0).all()  # a divergence
            wanted = m @ np.linspace(-2, 2, 7)
        else:
            wanted = target.r + target.discount * mean
            assert np.array_equal(fit.error, fit.td_error())
        assert np.allclose(fit.td_error(), q[np.arange(5), a] - wanted)


def test_categorical_error_is_zero_at_the_target() -> None:
    ops = make_ops("numpy", "float64")
    head = C51Head(ops, 1, 3, 0.0, 2.0)
    p = np.array([[0.2, 0.3, 0.5]])
    target = Target(np.zeros(1), np.ones(1), p)
    fit = head.fit(np.log(p), np.zeros(1, int), target, np.ones(1))
    assert np.allclose(fit.error, 0) and np.allclose(fit.dz, 0) and np.allclose(fit.td_error(), 0)


@pytest.mark.parametrize("name", ["qr", "iqn"])
def test_quantiles_of_a_known_distribution_are_found(name: str) -> None:
    """One state, terminal, rewards N(0, 1): the quantiles learnt are the normal's."""
    from scipy.stats import norm

    from drl.nn.optim import Adam
    from drl.nn.schedules import Linear

    config = DQNConfig(hidden=(16, 16), head=name, quantiles=5, iqn_samples=8, activation="tanh")
    net = build_network(config, (1,), np.float32, 1, 0, "numpy", "float64")
    rng = np.random.default_rng(0)
    head, optimizer = build_head(config, net.ops, 1, rng), Adam(net, Linear(1e-2, 1e-4, 3000))
    head.loss.kappa = 0.01  # with a wide κ it is an expectile that is learnt
    s, a = np.ones((64, 1)), np.zeros(64, int)
    for _ in range(3_000):
        target = Target(rng.normal(size=64), np.zeros(64), np.zeros((64, 5)))
        z, backward = head.forward(net, s)
        backward(head.fit(z, a, target, np.ones(64)).dz)
        optimizer.step()
    learnt = head.outputs(net, s[:1])[0, 0]
    assert np.abs(learnt - norm.ppf(midpoints(5))).max() < 0.12


@pytest.mark.parametrize("name", ["mean", "qr"])
@pytest.mark.parametrize("dueling", [False, True])
def test_plain_network_is_the_same_function(name: str, dueling: bool) -> None:
    net, head = built(name, "numpy", dueling=dueling, noisy=True)
    net.resample(None)
    x = np.random.default_rng(0).normal(size=(9, 4))
    shipped = deterministic_network(head, net)
    assert {type(layer).__name__ for layer in shipped.layers} == {"Linear", "Tanh"}
    assert np.allclose(shipped(x), head.mean(head.outputs(net, x)), atol=1e-12)


@pytest.mark.parametrize("name", ["c51", "iqn"])
def test_distributions_without_a_plain_network_are_refused(name: str) -> None:
    net, head = built(name, "numpy")
    with pytest.raises(ValueError, match="no action values"):
        deterministic_network(head, net)


@each_library
def test_a_pullback_belongs_to_the_fractions_of_its_forward(library: str) -> None:
    """Two forwards at other fractions are open at once, and nothing is left in the network."""
    net, head = built("iqn", library)
    ops, rng = net.ops, np.random.default_rng(0)
    x, dy = ops.asarray(rng.normal(size=(2, 4))), ops.asarray(rng.normal(size=(6, 3)))
    taus = [ops.asarray(rng.random((2, 3))), ops.asarray([[0.1, 0.5, 0.8]])]
    alone = []
    for tau in taus:
        net.forward(x, tau)[1](dy)
        alone.append(ops.numpy(net.grads).copy())
    both = [net.forward(x, tau)[1] for tau in taus]
    for backward, expected in zip(both, alone, strict=True):
        backward(dy)
        assert np.array_equal(ops.numpy(net.grads), expected)
    assert not np.array_equal(*alone)
    before = ops.numpy(head.outputs(net, x)).copy()
    net(x, taus[0])
    assert np.array_equal(ops.numpy(head.outputs(net, x)), before)


def test_a_condition_is_given_where_it_is_asked_for() -> None:
    x, tau = np.zeros((1, 4)), np.full((1, 1), 0.5)
    with pytest.raises(ValueError, match="needs a condition"):
        built("iqn", "numpy")[0](x)
    with pytest.raises(ValueError, match="takes no condition"):
        built("mean", "numpy")[0](x, tau)


@pytest.mark.parametrize("name", HEADS)
def test_activations_are_what_the_layers_give(name: str) -> None:
    net, head = built(name, "numpy", dueling=True)
    x = np.random.default_rng(0).normal(size=(5, 4))
    outputs = net.activations(x, head.condition)
    assert [*outputs] == [layer.name for layer in net.layers]
    assert np.array_equal([*outputs.values()][-1], net(x, head.condition))


@pytest.mark.parametrize("head", ["mean", "iqn"])
def test_own_networks_that_do_not_fit_the_head_are_refused(head: str) -> None:
    def wrong(shape: tuple[int, ...], outputs: int, /, *, seed: Any) -> Network:
        layers = [Linear(5), *([] if head == "iqn" else [QuantileEmbedding()]), Linear(outputs)]
        return Network(layers, shape, make_ops("numpy"), seed)

    with pytest.raises(ValueError, match="needs a QuantileEmbedding|takes a condition"):
        own_network(wrong, DQNConfig(head=head), (4,), 3, 0)


def test_dead_neurons_are_counted_whatever_the_batch() -> None:
    """Observations are as many as the memory gives, fractions as many as decide."""
    config = DQNConfig(hidden=(6, 8), head="iqn", batch_size=4, buffer_size=8)
    agent = dqn(config, (4,), actions=3, seed=0, num_envs=8)
    s, s_next = np.random.default_rng(0).normal(size=(2, 8, 4)).astype(np.float32)
    none = np.zeros(8, bool)
    agent.observe(s, np.arange(8) % 3, one_step(np.ones(8), none, none, s_next))
    agent.learn()
    shares = dead_relus(agent.net, s[:7], agent.head.condition)
    assert list(shares) == ["train/dead_relu/relu0", "train/dead_relu/relu1"]
    assert all(0 <= share < 1 for share in shares.values())
    agent.net.layers[2].b[:] = -1e6  # what the embedding multiplies is then 0 for every neuron
    agent.net.layers[2].W[:] = 0
    agent.net.layers[3].b[:] = -1
    assert dead_relus(agent.net, s[:7], agent.head.condition)["train/dead_relu/relu1"] == 1
