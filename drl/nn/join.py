"""Networks of the same inputs as one network with one vector; drl.nn.part is the way back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drl.nn.branches import Branches
from drl.nn.network import Network
from drl.nn.ops import Ops
from drl.nn.recurrent import Recurrent


def join(nets: Mapping[str, Network], ops: Ops | None = None) -> Network:
    """The network x → (f(x), g(x), …) side by side: a branch for each, of new layers with the
    parameters and buffers that the networks have now.

    nets  name of the branch → network, in the order of the outputs; with a state where one has one
    ops   of the new network; None: the first one's

    ValueError where they take other inputs, compute in another precision, have a forward of their
    own, or do not end in a vector.
    """
    first = next(iter(nets.values()))
    for name, net in nets.items():
        if net.input_shape != first.input_shape:
            raise ValueError(f"{name} takes {net.input_shape}, others take {first.input_shape}")
        own, other = (each.ops.numpy(each.params).dtype for each in (net, first))
        if own != other:
            raise ValueError(f"{name} computes in {own}, others in {other}")
        if type(net).forward not in (Network.forward, Recurrent.forward):
            raise ValueError(
                f"{type(net).__name__} has a forward of its own, and only layers can be joined: "
                "make a layer of it"
            )
    branches = {name: [layer.unbound() for layer in net.layers] for name, net in nets.items()}
    kind = Recurrent if any(isinstance(net, Recurrent) for net in nets.values()) else Network
    made = kind([Branches(branches)], first.input_shape, ops or first.ops)
    (joined,) = made.layers
    buffers = {
        f"{joined.name}.{name}.{of}": array
        for name, net in nets.items()
        for of, array in net.buffers.items()
    }
    params = np.concatenate([net.ops.numpy(net.params) for net in nets.values()])
    made.restore({"net": params, "net_buffers": buffers})
    return made
