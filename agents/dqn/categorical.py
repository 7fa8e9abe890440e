"""C51: the return Z(s, a) as a distribution over fixed values.

Shapes: B examples, A actions, N atoms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dqn.heads import Fit, Target
from drl.nn import Network
from drl.nn.layers import Pullback
from drl.nn.losses import CategoricalCrossEntropy, log_softmax
from drl.nn.ops import Array, Ops


class C51Head:
    """P[Z(s, a) = z_i] = p_i(s, a), z_i = V_min + i Δz, 0 ≤ i < N.   L = −E[w Σ_i m_i log p_i].

    p = softmax of the action's N outputs; m is the distribution of r + discount · Z(s′, a′),
    projected onto the atoms z_i.   Bellemare, Dabney & Munos 2017, section 4 and Algorithm 1.
    The network has A·N outputs, action by action.  Priorities are KL(m ‖ p), as in Rainbow (Hessel
    et al. 2018, section "The Integrated Agent").

    atoms         N
    v_min, v_max  the least and the largest return told apart, in the agent's (scaled) rewards

    ValueError below 2 atoms, or unless v_min < v_max.
    """

    condition: Array | None = None

    def __init__(self, ops: Ops, actions: int, atoms: int, v_min: float, v_max: float) -> None:
        if atoms < 2 or not v_min < v_max:
            raise ValueError(
                f"C51 needs at least 2 atoms and v_min < v_max, got {atoms}, {v_min} and {v_max}"
            )
        self.ops, self.actions, self.atoms = ops, actions, atoms
        self.v_min, self.step = v_min, (v_max - v_min) / (atoms - 1)  # V_min, Δz
        self.support = ops.asarray(np.linspace(v_min, v_max, atoms))  # z_i: (N,)
        self.loss = CategoricalCrossEntropy(ops)

    def outputs(self, net: Network, x: Array) -> Array:
        return self._probabilities(net(x))  # p: (B, A, N)

    def mean(self, z: Array) -> Array:
        return self.ops.sum(z * self.support, axis=2)  # Q = Σ_i z_i p_i: (B, A)

    def at(self, z: Array, a: Array) -> Array:
        return self.ops.gather(z, a)  # p(x, a): (B, N)

    def mix(self, z: Array, policy: Array) -> Array:
        return self.ops.sum(z * policy[:, :, None], axis=1)  # Σ_a π(a) p(x, a): (B, N)

    def within(self, z: Array, low: float, high: float) -> Array:
        return z  # V_min and V_max bound it: z are probabilities, of values that never move

    def forward(self, net: Network, x: Array) -> tuple[Array, Pullback]:
        return net.forward(x)

    def fit(self, z: Array, a: Array, target: Target, weight: Array) -> Fit:
        ops = self.ops
        logits = ops.gather(z.reshape(-1, self.actions, self.atoms), a)  # (B, N)
        log_p, m = log_softmax(ops, logits), self.project(target)  # log p(s, a), m: (B, N)
        dlogits = self.loss.gradient(log_p, m) * weight[:, None]  # ∂L/∂logits = (w/B)(p − m)
        tiny = ops.smallest  # 0 log 0 = 0
        return Fit(
            dz=ops.scatter(a, dlogits, self.actions).reshape(z.shape),  # (B, A·N)
            error=ops.sum(m * (ops.log(m + tiny) - log_p), axis=1),  # KL(m ‖ p) = Σ m log(m/p)
            td_error=lambda: ops.sum(
                (ops.exp(log_p) - m) * self.support, axis=1
            ),  # Σ z_i(p_i − m_i)
            q=lambda: self.mean(self._probabilities(z)),
            loss=lambda: float(self.loss.value(log_p, m)),
        )

    def project(self, target: Target) -> Array:
        """m_i = Σ_j [1 − |clip(r + discount · z_j, V_min, V_max) − z_i|/Δz]₀¹ p_j: (B, N).

        Bellemare, Dabney & Munos 2017, eq. 7: the target's return of atom j lies between two atoms,
        and its probability p_j is split between them by nearness.   p = target.z: (B, N).
        """
        ops = self.ops
        returns = target.r[:, None] + target.discount[:, None] * self.support  # T z_j: (B, N)
        place = ops.clip((returns - self.v_min) * (1 / self.step), 0, self.atoms - 1)  # b_j
        below = ops.indices(place)  # ⌊b_j⌋, since b_j ≥ 0: (B, N)
        above = below + (below < self.atoms - 1)  # ⌊b_j⌋ + 1, the last atom at most
        far = place - ops.asarray(below)  # b_j − ⌊b_j⌋: 0 on an atom, which then takes all
        low = ops.scatter_add(below, target.z * (1 - far), self.atoms)  # (B, N)
        return low + ops.scatter_add(above, target.z * far, self.atoms)  # m

    def _probabilities(self, y: Array) -> Array:
        """softmax over the atoms of each action: (B, A·N) → (B, A, N)."""
        return self.ops.exp(log_softmax(self.ops, y.reshape(-1, self.actions, self.atoms)))

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass
