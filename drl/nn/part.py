"""Some branches of a network as a network of their own: acting needs the policy, not the value."""

from __future__ import annotations

import copy

from drl.nn.branches import Branches
from drl.nn.network import Network


def part(net: Network, *names: str) -> Network:
    """The network x → these branches' outputs side by side, on the same layers and vector.

    `params` and `grads` are the whole network's: what is learnt there is seen here at once.  A
    pullback fills the gradients of the layers it goes through, and leaves the others' alone; a
    trunk below the branches gets the gradient of this part, not of the sum over all.

    net    one whose last layer is Branches
    names  of the branches, in the order wanted; one alone is a plain chain of layers

    ValueError where the last layer has no branches, or none of that name.
    """
    last = net.layers[-1]
    if not isinstance(last, Branches):
        raise ValueError(f"parts are of networks that end in branches, not in {last.name}")
    if not names:
        raise ValueError(f"name at least 1 branch of {', '.join(last.branches)}")
    for name in names:
        if name not in last.branches:
            raise ValueError(f"no branch {name!r} among {', '.join(last.branches)}")
    made = copy.copy(net)
    if len(names) == 1:
        ends = last.branches[names[0]]
        shapes = [last.inner[layer.name] for layer in ends]
    else:
        ends, shapes = [last.only(*names)], [(sum(last.widths[name] for name in names),)]
    made.layers = [*net.layers[:-1], *ends]
    made.output_shapes = [*net.output_shapes[:-1], *shapes]
    made.lowest = next((i for i, layer in enumerate(made.layers) if layer.shapes), 0)
    made.noisy = [layer for layer in made.layers if layer.noisy]
    made.buffered = [layer for _, layer, _ in made.stages() if layer.buffers]
    return made
