"""What the outputs of a policy's network mean: the action, and how it moves with them.

Shapes: B examples, N environments, k numbers of an action, each within −1 … 1.
"""

from __future__ import annotations

import numpy as np

from agents.sac.policy import ContinuousPolicy, GaussianPolicy
from drl.nn.gaussian import Bounds, Pathwise, TanhGaussian
from drl.nn.ops import Array, Ops


class GaussianActor:
    """a = tanh(μ + σε).   Haarnoja et al. 2018, appendix C."""

    policy = GaussianPolicy

    def __init__(self, ops: Ops, k: int, bounds: Bounds = (-20.0, 2.0)) -> None:
        self.distribution = TanhGaussian(ops, k, bounds)
        self.outputs, self.pathwise = self.distribution.outputs, self.distribution.pathwise

    def explore(self, z: Array, rng: np.random.Generator) -> np.ndarray:
        return self.distribution.action(self.distribution.sample(z, rng))

    def greedy(self, z: Array) -> np.ndarray:
        return self.distribution.action(self.distribution.mode(z))

    def draw(self, z: Array, noise: Array) -> tuple[Array, Array]:
        path = self.distribution.pathwise(z, noise)
        return path.action, path.log_prob

    def log_prob(self, z: Array, action: np.ndarray) -> np.ndarray:
        """log π(a) of actions within −1 … 1: (N, k) → (N,), numpy."""
        u = self.distribution.sample_of(action)
        return np.asarray(self.distribution.ops.numpy(self.distribution.log_prob(z, u)))


class DeterministicActor:
    """a = tanh z, explored and smoothed by Gaussian noise.   Fujimoto et al. 2018.

    explored  σ of the noise on actions to learn from
    smoothed  σ̃ of the noise on a′:  a′ = clip(tanh z + clip(σ̃ε, ±cut), ±1), their eq. 14
    cut       c
    """

    policy = ContinuousPolicy

    def __init__(
        self, ops: Ops, k: int, explored: float = 0.1, smoothed: float = 0.2, cut: float = 0.5
    ) -> None:
        self.ops, self.outputs = ops, k
        self.explored, self.smoothed, self.cut = explored, smoothed, cut

    def explore(self, z: Array, rng: np.random.Generator) -> np.ndarray:
        a = self.greedy(z)
        noise = self.explored * rng.standard_normal(a.shape, np.float32)
        return np.asarray(np.clip(a + noise, -1, 1))

    def greedy(self, z: Array) -> np.ndarray:
        return np.asarray(np.tanh(self.ops.numpy(z)))

    def draw(self, z: Array, noise: Array) -> tuple[Array, Array]:
        ops = self.ops
        smooth = ops.clip(self.smoothed * noise, -self.cut, self.cut)
        return ops.clip(ops.tanh(z) + smooth, -1.0, 1.0), ops.zeros(len(z))

    def pathwise(self, z: Array, noise: Array) -> Pathwise:
        a = self.ops.tanh(z)

        def backward(g: Array, w: Array | float) -> Array:
            return g * (1 - a * a)  # ∂L/∂z = ∂L/∂a (1 − tanh² z)

        return Pathwise(a, self.ops.zeros(len(z)), backward)
