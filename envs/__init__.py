"""Worlds: our own, vectorised and fast, and any of Gymnasium's."""

from envs.cartpole import CartPole
from envs.catch import Catch
from envs.chain import Chain
from envs.core import NumpyEnv, Transition, VectorEnv
from envs.gym_vector import GymVector
from envs.ids import resolve
from envs.pixels import CartPolePixels
from envs.vector import Worlds, make, worlds

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "CartPole",
    "CartPolePixels",
    "Catch",
    "Chain",
    "GymVector",
    "NumpyEnv",
    "Transition",
    "VectorEnv",
    "Worlds",
    "make",
    "resolve",
    "worlds",
]
