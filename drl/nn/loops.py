"""The elementwise work of a training step as loops, one pass over memory each, to be compiled; and
binary searches side by side.

Each gives the numbers of its numpy twin in drl.nn.ops_numpy to the last bit: the same operations in
the same order, each rounded.  numpy makes a pass, and a call, for every operation: Adam has twelve.
ReLU itself is not here: numpy makes it in one pass.
"""

from __future__ import annotations

import math

from drl.nn.ops_numpy import Array


def add_rows(y: Array, b: Array) -> None:
    """y[b, o] += b[o]:   y (B, O), b (O,)."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] += b[j]


def relu_backward(dy: Array, y: Array, dx: Array) -> None:
    """∂L/∂x = dy · 1[y > 0]."""
    for i in range(dy.size):
        dx[i] = dy[i] * (y[i] > 0)


def normalise(x: Array, mean: Array, rate: Array, low: Array, high: Array, y: Array) -> None:
    """y[b, i] = min(max((x[b, i] − mean[i]) · rate[i], low[i]), high[i]); NaN stays NaN."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            z = (x[b, i] - mean[i]) * rate[i]
            if z > high[i]:
                z = high[i]
            if z < low[i]:
                z = low[i]
            y[b, i] = z


def tanh_backward(dy: Array, y: Array, dx: Array) -> None:
    """∂L/∂x = dy (1 − y²), y = tanh x."""
    one = y.dtype.type(1)
    for i in range(dy.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


def lerp(a: Array, b: Array, weight: float) -> None:
    """a ← a + weight (b − a)."""
    for i in range(a.size):
        a[i] += weight * (b[i] - a[i])


def adam(
    params: Array, grads: Array, m: Array, v: Array,
    rest1: float, rest2: float, eps: float, rate: float, keep: float,
) -> None:  # fmt: skip
    """m ← m + (1−β₁)(g − m),  v ← v + (1−β₂)(g² − v),  θ ← keep·θ − rate · m/(√v + eps).

    rest = 1 − β; eps and rate hold the bias corrections (NumpyOps.adam), keep AdamW's decay.
    """
    for i in range(params.size):
        g = grads[i]
        m_new = m[i] + rest1 * (g - m[i])
        v_new = v[i] + rest2 * (g * g - v[i])
        m[i] = m_new
        v[i] = v_new
        params[i] = keep * params[i] - rate * (m_new / (math.sqrt(v_new) + eps))


def below(a: Array, x: Array, count: Array) -> None:
    """count[b, n] = how many numbers of a[b] are below x[b, n]; rows of a in ascending order.

    All searches of a row take a step together: the processor makes several at once.
    """
    for b in range(x.shape[0]):
        row, own, found = a[b], x[b], count[b]
        for n in range(own.size):
            found[n] = 0
        left = row.size  # numbers among which the border lies, from found[n] on
        while left > 1:
            half = left >> 1
            for n in range(own.size):
                found[n] += half * (row[found[n] + half - 1] < own[n])
            left -= half
        for n in range(own.size):
            found[n] += row[found[n]] < own[n]
