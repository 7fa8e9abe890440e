"""A Q-network as a plain chain of Linear layers that gives the same Q(s, ·): what is shipped."""

from __future__ import annotations

import numpy as np

from agents.dqn.heads import Head, QHead
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from drl.nn import Network
from drl.nn.dueling import Dueling
from drl.nn.layers import Layer, Linear


def plain(head: Head, net: Network) -> Network:
    """Noise at its mean; dueling's streams, and the mean over quantiles, folded into one matrix.

    Both are linear maps of the last layer's outputs: y = hW + b becomes h(WM) + bM.

    ValueError for C51 and IQN, whose Q is no linear map of the outputs.
    """
    if not isinstance(head, (QHead, QuantileHead)) or isinstance(head, ImplicitQuantileHead):
        raise ValueError(f"{type(head).__name__} outputs are no action values")
    layers: list[Layer] = []
    values: list[np.ndarray] = []
    for layer in net.layers:
        if isinstance(layer, (Dueling, Linear)):
            W, b = matrices(net, layer)
            if layer is net.layers[-1] and type(head) is QuantileHead:
                mean = np.kron(np.eye(head.actions), np.full((head.count, 1), 1 / head.count))
                W, b = W @ mean, b @ mean  # Q(s, a) = mean_i θ_i(s, a)
            layers.append(Linear(W.shape[1]))
            values += [W.ravel(), b]
        else:
            layers.append(layer.unbound())
            values += [net.ops.numpy(getattr(layer, name)).ravel() for name in layer.shapes]
    made = Network(layers, net.input_shape, net.ops)
    made.params[:] = net.ops.asarray(np.concatenate(values))
    return made


def matrices(net: Network, layer: Dueling | Linear) -> tuple[np.ndarray, np.ndarray]:
    """W and b of the Linear that is the same function without noise, float64."""
    if isinstance(layer, Dueling):
        (Wv, bv), (Wa, ba) = (matrices(net, s) for s in layer.streams.values())  # type: ignore[arg-type]
        actions, atoms = layer.actions, layer.atoms
        spread = np.tile(np.eye(atoms), actions)  # V to every action
        centre = np.kron(np.eye(actions) - 1 / actions, np.eye(atoms))  # A − mean_a A
        return np.vstack([Wv @ spread, Wa @ centre]), bv @ spread + ba @ centre
    W = net.ops.numpy(layer.W).astype(np.float64)
    b = np.zeros(W.shape[1]) if layer.b is None else net.ops.numpy(layer.b).astype(np.float64)
    return W, b
