"""The deterministic network: observations to the environment's own actions, to ship."""

from __future__ import annotations

import numpy as np

from drl.actions import UnitBox
from drl.errors import UserError
from drl.nn import Network
from drl.nn.layers import Layer, Linear, Tanh


def deterministic_network(net: Network, unit: UnitBox) -> Network:
    """a = middle + half · tanh μ(s): the layers of `net` with the columns of μ, tanh, and the units
    of the environment as one more Linear.

    net  whose last layer is a Linear of which the first outputs are μ

    UserError where it ends in another layer, as one of the user's own may.
    """
    k = unit.half.size
    *hidden, last = net.layers
    if not isinstance(last, Linear) or last.b is None:
        raise UserError(
            "only a network that ends in a Linear with a bias can be exported, found one of your "
            f"own that ends in {type(last).__name__}"
        )
    layers: list[Layer] = [layer.unbound() for layer in hidden]
    made = Network([*layers, Linear(k), Tanh(), Linear(k)], net.input_shape, net.ops)
    for mine, its in zip(hidden, layers, strict=True):
        its.copy_from(mine)
    mean, _, units = made.layers[-3:]
    assert isinstance(mean, Linear) and mean.b is not None
    assert isinstance(units, Linear) and units.b is not None
    mean.W[:], mean.b[:] = last.W[:, :k], last.b[:k]
    units.W[:] = net.ops.asarray(np.diag(unit.half.ravel()))
    units.b[:] = net.ops.asarray(unit.middle.ravel())
    return made
