"""The deterministic network: a chain of Linear layers that gives Q(s, ·) without noise, to ship."""

from __future__ import annotations

import numpy as np

from agents.dqn.heads import Head, QHead
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from drl.nn import Network
from drl.nn.dueling import Dueling
from drl.nn.layers import Layer, Linear


def deterministic_network(head: Head, net: Network) -> Network:
    """A network without noise whose outputs are Q(s, ·), the head's reading of `net`.

    Dueling's streams, and the mean over quantiles, are linear maps of the last layer's outputs:
    (hW + b)M = h(WM) + bM is one Linear.

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
                W, b = W @ mean, b @ mean  # Q(s, a) = (1/N) Σ_i θ_i(s, a): mean (A·N, A)
            layers.append(Linear(W.shape[1]))
            values += [W.ravel(), b]
        else:
            layers.append(layer.unbound())
            values += [net.ops.numpy(getattr(layer, name)).ravel() for name in layer.shapes]
    made = Network(layers, net.input_shape, net.ops)
    params = np.concatenate(values).astype(net.ops.numpy(net.params).dtype)
    made.restore(net.saved() | {"net": params})
    return made


def matrices(net: Network, layer: Dueling | Linear) -> tuple[np.ndarray, np.ndarray]:
    """W (I, O) and b (O,), float64, of the Linear that equals the layer without noise."""
    if isinstance(layer, Dueling):
        (Wv, bv), (Wa, ba) = (matrices(net, s) for s in layer.streams.values())  # type: ignore[arg-type]
        actions, atoms = layer.actions, layer.atoms
        spread = np.tile(np.eye(atoms), actions)  # V to every action: (N, A·N)
        centre = np.kron(np.eye(actions) - 1 / actions, np.eye(atoms))  # A − mean_a A: (A·N, A·N)
        return np.vstack([Wv @ spread, Wa @ centre]), bv @ spread + ba @ centre
    W = net.ops.numpy(layer.W).astype(np.float64)
    b = np.zeros(W.shape[1]) if layer.b is None else net.ops.numpy(layer.b).astype(np.float64)
    return W, b
