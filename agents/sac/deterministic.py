"""The deterministic network: observations to the environment's own actions, to ship."""

from __future__ import annotations

import numpy as np

from drl.actions import UnitBox
from drl.nn import Network
from drl.nn.layers import Layer, Linear, Tanh


def deterministic_network(net: Network, unit: UnitBox) -> Network:
    """a = middle + half · tanh μ(s): the layers of `net` with the columns of μ, tanh, and the units
    of the environment as one more Linear.

    net  whose last layer is a Linear of which the first outputs are μ
    """
    k = unit.half.size
    *hidden, last = net.layers
    assert isinstance(last, Linear) and last.b is not None
    layers: list[Layer] = [layer.unbound() for layer in hidden]
    made = Network([*layers, Linear(k), Tanh(), Linear(k)], net.input_shape, net.ops)
    numpy = net.ops.numpy
    values = [numpy(getattr(layer, name)).ravel() for layer in hidden for name in layer.shapes]
    values += [numpy(last.W)[:, :k].ravel(), numpy(last.b)[:k]]
    values += [np.diag(unit.half.ravel()).ravel(), unit.middle.ravel()]
    made.params[:] = net.ops.asarray(np.concatenate(values))
    return made
