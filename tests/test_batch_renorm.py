"""Batch renormalisation: by hand, against torch with r and d detached, and what it remembers."""

import copy

import numpy as np
import pytest
import torch

from drl.nn import Conv2d, Flatten, Linear, Network, Tanh, make_ops
from drl.nn.batch_renorm import BatchRenorm, batch_statistics, follow

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])


def single(library, width, **settings):
    return Network([BatchRenorm(**settings)], width, make_ops(library, "float64"))


@each_library
def test_by_hand(library):
    # x = 1, 3, ε = 3: μ_B = 2, σ_B² = 1, s_B = 2, z = ∓½;  μ = 1, σ² = 13, s = 4
    # r = 2/4, d = (2 − 1)/4:  y = γ (z r + d) + β with γ = 8, β = 10: 8 (∓¼ + ¼) + 10 = 10, 14
    net = single(library, 1, eps=3.0, warm_up=0)
    layer = net.layers[0]
    layer.buffers["mean"][:], layer.buffers["variance"][:] = 1, 13
    layer.buffers_changed()
    layer.gain[:], layer.offset[:] = 8, 10
    with batch_statistics(net):
        y, backward = net.forward([[1.0], [3.0]])
    assert y.tolist() == [[10], [14]]
    dx = backward([[1.0], [5.0]], inputs=True)
    # Σ dy = 6, Σ dy z = 2: ∂γ = ½·2 + ¼·6, ∂β = 6
    assert net.ops.numpy(net.grads).tolist() == [2.5, 6]
    # ∂x = (8 · ½ / 2)(dy − 3 − z · 1) = 2 (−2 + ½, 2 − ½)
    assert dx.tolist() == [[-3], [3]]
    # by the running ones: 8 (x − 1)/4 + 10 = 10, 14: what r and d are for
    assert net([[1.0], [3.0]]).tolist() == [[10], [14]]


@each_library
@pytest.mark.parametrize("warm_up", [0, 5])
def test_against_torch_with_r_and_d_detached(library, warm_up):
    """Some r and d are clipped; in the warm-up it is torch's batch_norm."""
    rng = np.random.default_rng(0)
    net = single(library, 6, warm_up=warm_up)
    layer = net.layers[0]
    layer.buffers["mean"][:] = [0, 9, -9, 0.1, 0, 0]
    layer.buffers["variance"][:] = [1, 1, 1, 1, 100, 0.001]
    layer.buffers_changed()
    net.params[:] = net.ops.asarray(rng.normal(size=12))
    x, dy = rng.normal(size=(2, 8, 6))
    leaf, gain, offset = (
        torch.tensor(v, requires_grad=True)
        for v in (x, *np.split(np.array(net.ops.numpy(net.params)), 2))
    )
    mean, std = leaf.mean(0), (leaf.var(0, unbiased=False) + 1e-3).sqrt()
    s = torch.tensor(np.sqrt(layer.buffers["variance"] + 1e-3))
    r, d = torch.ones(6), torch.zeros(6)
    if not warm_up:
        r = (std / s).clamp(1 / 3, 3).detach()
        d = ((mean - torch.tensor(layer.buffers["mean"])) / s).clamp(-5, 5).detach()
        assert (r == 3).any() and (r < 0.34).any() and (d.abs() == 5).sum() == 3
    expected = ((leaf - mean) / std * r + d) * gain + offset
    (expected * torch.tensor(dy)).sum().backward()
    with batch_statistics(net):
        y, backward = net.forward(x)
    dx = net.ops.numpy(backward(dy, inputs=True))
    np.testing.assert_allclose(net.ops.numpy(y), expected.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, leaf.grad, rtol=1e-10, atol=1e-12)
    grads = np.concatenate([gain.grad, offset.grad])
    np.testing.assert_allclose(net.ops.numpy(net.grads), grads, rtol=1e-10, atol=1e-12)


@each_library
def test_the_running_statistics_move_when_told(library):
    net = single(library, 2, momentum=0.75)
    buffers = net.layers[0].buffers
    x = np.array([[1.0, 0.0], [3.0, 8.0]])
    with batch_statistics(net):
        net.forward(x)
    assert buffers["mean"].tolist() == [0, 0] and buffers["batches"] == 0
    before = net.ops.numpy(net(x)).copy()
    follow(net)  # μ ← ¼ μ_B, σ² ← 1 + ¼ (σ_B² − 1)
    assert buffers["mean"].tolist() == [0.5, 1]
    assert buffers["variance"].tolist() == [1, 4.75] and buffers["batches"] == 1
    after = net.ops.numpy(net(x))
    assert (after != before).all()
    follow(net)  # there was no other batch
    assert buffers["batches"] == 1
    w, b = net.layers[0].affine()
    np.testing.assert_allclose(net.ops.numpy(w * net.ops.asarray(x) + b), after, rtol=1e-12)


def test_in_a_long_run_both_ways_agree():
    """Batches of one law: by the batch and by the running statistics the signals are the same."""
    net, rng = single("numpy", 3, momentum=0.9, warm_up=20), np.random.default_rng(0)

    def batch():
        return rng.normal(size=(64, 3)) * [1, 5, 0.1] + [0, 3, -1]

    for _ in range(200):
        with batch_statistics(net):
            net.forward(batch())
        follow(net)
    x = batch()
    with batch_statistics(net):
        by_batch = net.forward(x)[0]
    np.testing.assert_allclose(by_batch, net(x), rtol=1e-9, atol=1e-9)
    assert abs(net(x).mean(0)).max() < 0.5 and abs(net(x).std(0) - 1).max() < 0.3


@each_library
def test_statistics_are_saved_copied_and_restored(library):
    def made():
        layers = [Conv2d(2, 2), BatchRenorm(warm_up=0), Tanh(), Flatten(), Linear(3), BatchRenorm()]
        return Network(layers, (3, 3, 1), make_ops(library, "float64"))

    net, rng = made(), np.random.default_rng(0)
    x = rng.normal(size=(5, 3, 3, 1))
    for _ in range(3):
        with batch_statistics(net):
            net.forward(x)
        follow(net)
    other, twin = made(), copy.deepcopy(net)
    other.restore(net.saved())
    for same in (other, twin):
        np.testing.assert_array_equal(net.ops.numpy(same(x)), net.ops.numpy(net(x)))
        with batch_statistics(net), batch_statistics(same):
            pair = (net.forward(x)[0], same.forward(x)[0])
        np.testing.assert_array_equal(*(net.ops.numpy(y) for y in pair))
        follow(same)
    assert net.buffers["batchrenorm0.batches"] == 3 and twin.buffers["batchrenorm0.batches"] == 4


def test_outside_and_after_a_mistake_the_running_ones_count():
    net = single("numpy", 2)
    with pytest.raises(ValueError, match="takes inputs"), batch_statistics(net):
        net.forward(np.zeros((3, 5)))
    assert not net.layers[0].by_batch


def test_misfits_are_named():
    for settings in ({"momentum": 1.0}, {"r_max": 0.5}, {"d_max": -1}, {"eps": 0}, {"warm_up": -1}):
        with pytest.raises(ValueError, match="BatchRenorm needs"):
            BatchRenorm(**settings)
