"""Layers one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from drl.nn.layers import Layer, Pullback, WholePullback
from drl.nn.ops import Array


def chained(layers: Sequence[Layer], x: Array) -> tuple[Array, list[Pullback]]:
    """y = f_n(… f_1(x)), and the pullback of each layer."""
    pullbacks = []
    for layer in layers:
        x, pullback = layer.forward(x)
        pullbacks.append(pullback)
    return x, pullbacks


def pulled(layers: Sequence[Layer], pullbacks: Sequence[Pullback], dy: Array) -> Array:
    """∂L/∂x of layers that all have `inputs_alone`, or no parameters: `grads` stay as they are."""
    for layer, pullback in zip(reversed(layers), reversed(pullbacks), strict=True):
        alone = layer.inputs_alone
        dy = cast(WholePullback, pullback)(dy, params=False) if alone else pullback(dy)
    return dy


def unrolled(
    layers: Sequence[Layer], x: Array, h: Array, keep: Array | None
) -> tuple[Array, list[Array], list[Pullback]]:
    """The same of sequences; and the states after each step, of each layer with a state.

    x (T·B, …), keep (T, B, 1) as in drl.nn.layers.Layer.unroll

    h  (B, …) states before the first step: the layers' own, one behind the other, come first
    """
    states, pullbacks, start = [], [], 0
    for layer in layers:
        if size := layer.state_size:
            x, after, pullback = layer.unroll(x, h[:, start : start + size], keep)
            states.append(after)
            start += size
        else:
            x, pullback = layer.forward(x)
        pullbacks.append(pullback)
    return x, states, pullbacks
