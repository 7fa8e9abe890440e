"""Arithmetic only: layers and their derivatives, losses, optimizers.

Nothing of ours is imported but `drl.errors`.
"""

from drl.nn.batch_renorm import BatchRenorm, batch_statistics, follow
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv, Conv2d, MaxPool2d, Pool
from drl.nn.distributions import (
    BernoulliActions,
    Categorical,
    Distribution,
    Divergence,
    Fitted,
    MultiCategorical,
)
from drl.nn.free import Free
from drl.nn.gaussian import DiagonalGaussian, Pathwise, TanhGaussian
from drl.nn.gradcheck import check_loss, check_network
from drl.nn.init import Orthogonal
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Flatten, Layer, Linear, Pullback, ReLU, Scale, Sigmoid, Tanh
from drl.nn.losses import (
    MSE,
    Bernoulli,
    CategoricalCrossEntropy,
    Huber,
    QuantileHuber,
    SoftmaxCrossEntropy,
    SortedQuantileHuber,
)
from drl.nn.mlp import MLP
from drl.nn.network import Network
from drl.nn.normalise import Normalise
from drl.nn.ops import Array, Ops, make_ops
from drl.nn.optim import (
    SGD,
    Adam,
    AdamW,
    CentredRMSProp,
    Momentum,
    Optimizer,
    RAdam,
    RMSProp,
    clip_norm,
)
from drl.nn.part import part
from drl.nn.recurrent import GRU, Recurrent

__all__ = [
    "GRU",
    "MLP",
    "MSE",
    "SGD",
    "Adam",
    "AdamW",
    "Array",
    "BatchRenorm",
    "Bernoulli",
    "BernoulliActions",
    "Branches",
    "Categorical",
    "CategoricalCrossEntropy",
    "CentredRMSProp",
    "Conv",
    "Conv2d",
    "DiagonalGaussian",
    "Distribution",
    "Divergence",
    "Fitted",
    "Flatten",
    "Free",
    "Huber",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "Momentum",
    "MultiCategorical",
    "Network",
    "Normalise",
    "Ops",
    "Optimizer",
    "Orthogonal",
    "Pathwise",
    "Pool",
    "Pullback",
    "QuantileHuber",
    "RAdam",
    "RMSProp",
    "ReLU",
    "Recurrent",
    "Scale",
    "Sigmoid",
    "Slice",
    "SoftmaxCrossEntropy",
    "SortedQuantileHuber",
    "Tanh",
    "TanhGaussian",
    "batch_statistics",
    "check_loss",
    "check_network",
    "clip_norm",
    "follow",
    "make_ops",
    "part",
]
