"""Environments: our own, vectorised and fast, and any of Gymnasium's."""

from envs.build import EnvFactory, factory, make
from envs.cartpole import CartPole
from envs.catch import Catch
from envs.chain import Chain
from envs.gymnasium_env import GymVector
from envs.ids import resolve
from envs.numpy_env import NumpyEnv, Step, VectorEnv
from envs.pixels import CartPolePixels

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

__all__ = [
    "CartPole",
    "CartPolePixels",
    "Catch",
    "Chain",
    "GymVector",
    "NumpyEnv",
    "Step",
    "VectorEnv",
    "EnvFactory",
    "make",
    "resolve",
    "factory",
]
