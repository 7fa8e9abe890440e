"""What is asked of the meaning of a policy's outputs.

Shapes: B examples, N environments, k numbers of an action, each within −1 … 1.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from drl.nn.gaussian import Pathwise
from drl.nn.ops import Array


class Actor(Protocol):
    """z (B, outputs), the network's outputs → actions (B, k)."""

    outputs: int
    policy: type[Any]
    """The policy that acts by it (agents.sac.policy)."""

    def explore(self, z: Array, rng: np.random.Generator) -> np.ndarray:
        """Actions to learn from: numpy, float32 (N, k)."""

    def greedy(self, z: Array) -> np.ndarray:
        """Actions to be scored by: numpy, float32 (N, k)."""

    def draw(self, z: Array, noise: Array) -> tuple[Array, Array]:
        """a′ of the targets, and log π(a′), (B, k) and (B,).   noise: ε (B, k)."""

    def pathwise(self, z: Array, noise: Array) -> Pathwise:
        """Actions and log π as functions of z, with their pullback."""


class ProbableActor(Actor, Protocol):
    """One that knows how probable an action is."""

    def log_prob(self, z: Array, action: np.ndarray) -> np.ndarray:
        """log π(a) of actions within −1 … 1: (N, k) → (N,), numpy."""
