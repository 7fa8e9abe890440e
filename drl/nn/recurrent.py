"""Layers that carry a state from step to step, and the network that they are in.

Rows are B sequences of T steps, time by time: row t·B + b is step t of sequence b.  Layers without
a state see T·B rows like any others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drl.nn.chain import unrolled
from drl.nn.init import Init, Orthogonal, xavier
from drl.nn.layers import Layer, Pullback, Shape, WholePullback, sigmoid
from drl.nn.network import Network
from drl.nn.ops import Array, Ops


class GRU(Layer):
    """A gated recurrent unit: what it gives is its state, which it carries to the next step.

    r = σ(xW_r + hU_r + b_r)                how much of the old state the new one is made of
    z = σ(xW_z + hU_z + b_z)                how much of it stays
    n = tanh(xW_n + b_n + r ⊙ (hU_n + c))
    h′ = (1 − z) ⊙ n + z ⊙ h

    Cho et al. 2014, eq. 5–8, with r behind the product with U_n: torch's form.  torch has a second
    bias of r and of z, which is added to the first: the same functions.

    x: (T·B, I), h: (B, H), W: (I, 3H), U: (H, 3H), b: (3H,), c: (H,), y: (T·B, H).  Columns of W, U
    and b: r, z, n.

    units  H
    init   of each of W's three parts; U's begin orthonormal (Saxe et al. 2014), biases at 0

    ValueError below 1 unit.
    """

    W: Array
    U: Array
    b: Array
    c: Array
    dW: Array
    dU: Array
    db: Array
    dc: Array

    def __init__(self, units: int, init: Init = xavier) -> None:
        if units < 1:
            raise ValueError(f"a layer needs at least 1 unit, got {units}")
        self.units, self.init = units, init

    @property
    def state_size(self) -> int:
        return self.units

    def build(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(f"GRU takes vectors, got inputs of {shape}; put Flatten before")
        wide = 3 * self.units
        self.shapes = {"W": (shape[0], wide), "U": (self.units, wide), "b": (wide,),
                       "c": (self.units,)}  # fmt: skip
        return (self.units,)

    def initialise(self, rng: np.random.Generator) -> None:
        inputs, units = self.shapes["W"][0], self.units
        W = [self.init(rng, inputs, units) for _ in range(3)]
        U = [Orthogonal(1.0)(rng, units, units) for _ in range(3)]
        self.W[:], self.U[:] = self.ops.asarray(np.hstack(W)), self.ops.asarray(np.hstack(U))

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        """The first step of sequences, each row one of them: x (B, I), h = 0 → y (B, H)."""
        y, _, pullback = self.unroll(x, self.ops.zeros(x.shape[0], self.units))
        return y, pullback

    def unroll(
        self, x: Array, h: Array, keep: Array | None = None
    ) -> tuple[Array, Array, Pullback]:  # fmt: skip
        ops, B, H = self.ops, h.shape[0], self.units
        T = x.shape[0] // B
        a = ops.linear(x, self.W, self.b).reshape(T, B, 3 * H)  # xW + b, of all steps
        before, after, m, n = (ops.zeros(T, B, H) for _ in range(4))
        gates = ops.zeros(T, B, 2 * H)
        for t in range(T):
            before[t] = h if keep is None else h * keep[t]  # h ← 0 where an episode begins
            u = ops.matmul(before[t], self.U)  # hU: (B, 3H)
            gates[t] = sigmoid(ops, a[t, :, : 2 * H] + u[:, : 2 * H])
            r, z = gates[t, :, :H], gates[t, :, H:]
            m[t] = u[:, 2 * H :] + self.c
            n[t] = ops.tanh(a[t, :, 2 * H :] + r * m[t])  # tanh(xW_n + b_n + r ⊙ (hU_n + c))
            h = after[t] = n[t] + z * (before[t] - n[t])  # (1 − z) ⊙ n + z ⊙ h

        def backward(dy: Array, inputs: bool = True) -> Array:
            T = -(-dy.shape[0] // B)  # later steps have no part in L
            rows = T * B
            h, new, stay = before[:T], n[:T], gates[:T, :, H:]
            take = gates[:T, :, :H]
            n_h = (1 - stay) * (1 - new * new)  # ∂n's argument: ∂h′/∂n through tanh
            z_h = (h - new) * stay * (1 - stay)  # ∂h′/∂z = h − n, through σ
            r_n = m[:T] * take * (1 - take)  # ∂n's argument/∂r = hU_n + c, through σ
            dh = ops.zeros(B, H)  # ∂L/∂h′ by way of the later steps
            dn, du = ops.zeros(T, B, H), ops.zeros(T, B, 3 * H)
            for t in reversed(range(T)):
                own = dy[t * B : (t + 1) * B]
                dh[: own.shape[0]] += own
                dn[t] = dh * n_h[t]
                du[t, :, :H] = dn[t] * r_n[t]  # ∂L/∂(hU): r's columns,
                du[t, :, H : 2 * H] = dh * z_h[t]  # z's,
                du[t, :, 2 * H :] = dn[t] * take[t]  # and n's, ∂L/∂c among them
                dh = dh * stay[t] + ops.linear_backward(du[t], self.U)  # ∂L/∂h = dh z + du Uᵀ
                if keep is not None:
                    dh = dh * keep[t]
            du, dc = du.reshape(rows, 3 * H), du.reshape(rows, 3 * H)[:, 2 * H :]
            da = ops.concat([du[:, : 2 * H], dn.reshape(rows, H)])  # ∂L/∂(xW + b)
            ops.matmul(x[:rows].T, da, out=self.dW)  # ∂L/∂W = Σ_t xᵀ da
            ops.sum_rows(da, out=self.db)  # ∂L/∂b = Σ da
            ops.matmul(h.reshape(rows, H).T, du, out=self.dU)  # ∂L/∂U = Σ_t hᵀ du
            ops.sum_rows(dc, out=self.dc)  # ∂L/∂c = Σ_t ∂L/∂(hU_n + c)
            # ∂L/∂x = da Wᵀ, 0 in the rows that L does not see
            return ops.linear_backward(da[: dy.shape[0]], self.W) if inputs else None

        y = after.reshape(T * B, H)
        return y, y, backward

    def describe(self) -> str:
        inputs = self.shapes["W"][0]
        return f"{self.units} units with 3 gates, each of {inputs} signals and the units' states"


class Recurrent(Network):
    """A network with a state h: y_t, h_t = f(x_t, h_{t−1}), as Linear → ReLU → GRU → Linear is.

    h holds the states of all its layers that have one, side by side in the order of the layers,
    branch by branch.  Layers and arguments as of drl.nn.Network; it is `unroll`ed, not called.

    ValueError where no layer has a state.
    """

    carries = True

    def __init__(
        self, layers: Sequence[Layer], input_shape: int | Shape, ops: Ops,
        seed: int | np.random.Generator = 0,
    ) -> None:  # fmt: skip
        super().__init__(layers, input_shape, ops, seed)
        if not self.state_size:
            raise ValueError("a recurrent network needs a layer that carries a state: GRU")

    @property
    def state_size(self) -> int:
        """S, numbers of a state h."""
        return sum(layer.state_size for layer in self.layers)

    def initial(self, count: int) -> Array:
        """The states of `count` sequences before their first step: zeros (count, S)."""
        return self.ops.zeros(count, self.state_size)

    def forward(self, x: Array, condition: Array | None = None) -> tuple[Array, WholePullback]:
        raise ValueError("the network carries a state: unroll it, with the states before x")

    def unroll(
        self, x: Array, h: Array, starts: Array | None = None
    ) -> tuple[Array, Array, WholePullback]:
        """B sequences of T steps: x (T·B, *input_shape), h (B, S) → y (T·B, outputs), the states
        after each step (T·B, S), and the pullback, as of Network.forward, to ∂L/∂θ and ∂L/∂x.

        Row t·B + b is step t of sequence b: the last B states are those to go on from.  Gradients
        go back through all T steps, and end at h and where an episode begins.

        starts  (T·B,) True or 1 where an episode begins: its state is 0 before the step; None:
                nowhere

        ValueError where shapes do not fit.
        """
        x, h = self._inputs(x, None), self.ops.asarray(h)
        count = h.shape[0]
        if h.shape[1:] != (self.state_size,) or count < 1 or x.shape[0] % count:
            raise ValueError(
                f"{x.shape[0]} rows and states {tuple(h.shape)} do not fit: expected states "
                f"(B, {self.state_size}), and B rows for each step"
            )
        keep = None
        if starts is not None:
            if tuple(starts.shape) != (x.shape[0],):
                raise ValueError(f"starts {tuple(starts.shape)} for {x.shape[0]} rows")
            keep = (1 - self.ops.asarray(starts)).reshape(-1, count, 1)
        y, states, pullbacks = unrolled(self.layers, x, h, keep)
        after = states[0] if len(states) == 1 else self.ops.concat(states)
        return y, after, self._backwards(pullbacks, y.shape[0])
