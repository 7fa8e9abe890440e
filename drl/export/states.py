"""The state of a network that carries one, as files have it: an input and an output."""

from __future__ import annotations

from drl.errors import UserError
from drl.nn import Network
from drl.nn.branches import Branches


def state_size(net: Network) -> int:
    """Numbers of the state; 0: there is none.

    UserError where layers inside branches have one: files hold those of a plain chain.
    """
    branched = [layer for layer in net.layers if isinstance(layer, Branches)]
    size = sum(layer.state_size for layer in net.layers)
    if branched and size:
        raise UserError("a network with both branches and a state cannot be exported")
    return size
