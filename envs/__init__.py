"""Worlds: our own, vectorised and fast, and any of Gymnasium's."""

from envs.core import NumpyEnv, Transition, VectorEnv
from envs.vector import make

__all__ = ["NumpyEnv", "Transition", "VectorEnv", "make"]
