"""Networks joined side by side: what each computes, in one vector, with its buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from drl.nn import GRU, MLP, Linear, Network, Normalise, Recurrent, check_network, make_ops
from drl.nn.branches import Branches, Slice
from drl.nn.join import join
from drl.nn.part import part

X = np.random.default_rng(0).normal(size=(5, 4))


def normalising(outputs: int, seed: int) -> Network:
    """Statistics among its layers, and branches within it."""
    both = Branches({"left": [Slice(0, 2), Linear(3)], "right": [Slice(2, 4), Linear(2)]})
    layers = [Normalise(), both, Linear(outputs)]
    net = Network(layers, 4, make_ops("numpy", "float64"), seed)
    net.buffers["normalise0.mean"][...] = 0.5
    net._set_buffers(net.buffers)
    return net


def mlp(outputs: int, seed: int, **more: Any) -> MLP:
    return MLP(4, outputs, (6,), "tanh", dtype="float64", seed=seed, **{"backend": "numpy", **more})


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_each_branch_computes_what_its_network_did(backend: str) -> None:
    nets = {"actor": mlp(3, 1, backend=backend), "critic": normalising(1, 2)}
    made = join(nets)
    numpy = made.ops.numpy
    assert made.ops.name == backend and made.size == sum(net.size for net in nets.values())
    for name, columns in (("actor", slice(0, 3)), ("critic", slice(3, 4))):
        expected = nets[name].ops.numpy(nets[name](X))
        assert np.allclose(numpy(made(X))[:, columns], expected, rtol=1e-12, atol=0)
        assert np.allclose(numpy(part(made, name)(X)), expected, rtol=1e-12, atol=0)
    nets["actor"].params[:] = 0  # copies: nobody's vector moves another's
    assert np.abs(numpy(part(made, "actor")(X))).max() > 0


def test_they_may_be_of_two_libraries() -> None:
    nets = {"a": mlp(2, 1, backend="torch"), "b": mlp(1, 2)}
    for ops in (None, nets["b"].ops):
        made = join(nets, ops)
        assert made.ops.name == ("torch" if ops is None else "numpy")
        assert np.allclose(made.ops.numpy(made(X))[:, 2:], nets["b"](X), rtol=1e-12, atol=0)


def test_its_gradient_is_right() -> None:
    made = join({"actor": mlp(3, 1), "critic": normalising(1, 2)})
    errors = check_network(made, X, lambda y: (made.ops.sum(y**4) / 4, y**3), X[:3])
    assert max(errors.values()) < 1e-6


def test_one_with_a_state_makes_it_recurrent() -> None:
    ops = make_ops("numpy", "float64")
    memory = Recurrent([Linear(3), GRU(2), Linear(1)], 4, ops, 3)
    made = join({"a": memory, "b": mlp(2, 1)})
    assert isinstance(made, Recurrent) and made.state_size == 2
    y, after, _ = made.unroll(X, np.zeros((5, 2)))
    expected, states, _ = memory.unroll(X, np.zeros((5, 2)))
    assert np.allclose(y[:, :1], expected) and np.allclose(after, states)


class Doubled(Network):
    def forward(self, x: Any, condition: Any = None) -> Any:
        y, backward = super().forward(x, condition)
        return 2 * y, backward


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (MLP(3, 1, (2,), backend="numpy", dtype="float64"), "b takes (3,), others take (4,)"),
        (MLP(4, 1, (2,), backend="numpy"), "b computes in float32, others in float64"),
        (Doubled([Linear(1)], 4, make_ops("numpy", "float64")), "Doubled has a forward of its own"),
    ],
)
def test_what_cannot_be_joined(other: Network, said: str) -> None:
    with pytest.raises(ValueError) as error:
        join({"a": mlp(1, 0), "b": other})
    assert said in str(error.value)
