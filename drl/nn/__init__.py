"""Arithmetic only: layers and their derivatives, losses, optimizers.  Imports nothing of ours."""

from drl.nn.conv import Conv, Pool
from drl.nn.mlp import MLP
from drl.nn.network import Network

__all__ = ["MLP", "Conv", "Network", "Pool"]
