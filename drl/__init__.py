"""Hand-written gradients: one network for supervised digits and for deep Q-learning.

`train`, `load_run`, `load_policy`, callbacks, and the names of `drl.nn`, fetched when they are
first asked for: `drl --help` needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from drl.errors import UserError

if TYPE_CHECKING:
    from drl.api import (
        LoadedRun,
        Report,
        Result,
        Sweep,
        TrainingWarning,
        compare,
        doctor,
        load_policy,
        load_run,
        sweep,
        train,
    )
    from drl.experiment.callbacks import (
        Callback,
        Every,
        StopAfterTime,
        StopAtReturn,
        StopWithoutProgress,
    )
    from drl.nn import (
        GRU,
        MLP,
        MSE,
        SGD,
        Adam,
        AdamW,
        Bernoulli,
        BernoulliActions,
        Branches,
        Categorical,
        CategoricalCrossEntropy,
        CentredRMSProp,
        Conv,
        Conv2d,
        DiagonalGaussian,
        Flatten,
        Free,
        Huber,
        Layer,
        LayerNorm,
        Linear,
        MaxPool2d,
        Momentum,
        MultiCategorical,
        Network,
        Normalise,
        Optimizer,
        Orthogonal,
        Pool,
        QuantileHuber,
        RAdam,
        Recurrent,
        ReLU,
        RMSProp,
        Scale,
        Sigmoid,
        SoftmaxCrossEntropy,
        SortedQuantileHuber,
        Tanh,
        TanhGaussian,
        check_loss,
        check_network,
        clip_norm,
        make_ops,
    )  # fmt: skip

DISTRIBUTION = "drl-toolkit"  # the mark by which drl.cli.ours knows this file

API = (
    "LoadedRun", "Report", "Result", "Sweep", "TrainingWarning", "compare", "doctor",
    "load_policy", "load_run", "sweep", "train",
)  # fmt: skip
CALLBACKS = ("Callback", "Every", "StopAfterTime", "StopAtReturn", "StopWithoutProgress")

__all__ = [
    "Callback", "Every", "LoadedRun", "Report", "Result", "StopAfterTime", "StopAtReturn",
    "StopWithoutProgress", "Sweep", "TrainingWarning", "compare", "doctor", "load_policy",
    "load_run", "sweep", "train",
    "GRU", "MLP", "MSE", "SGD", "Adam", "AdamW", "Bernoulli", "BernoulliActions", "Branches",
    "Categorical", "CategoricalCrossEntropy", "CentredRMSProp", "Conv", "Conv2d",
    "DiagonalGaussian", "Flatten", "Free", "Huber", "Layer", "LayerNorm", "Linear", "MaxPool2d",
    "Momentum", "MultiCategorical", "Network", "Normalise", "Optimizer", "Orthogonal", "Pool",
    "QuantileHuber", "RAdam", "RMSProp", "ReLU", "Recurrent", "Scale", "Sigmoid",
    "SoftmaxCrossEntropy", "SortedQuantileHuber", "Tanh", "TanhGaussian", "UserError", "check_loss",
    "check_network", "clip_norm", "make_ops",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'drl' has no attribute {name!r}")
    home = "drl.api" if name in API else "drl.experiment.callbacks"
    home = home if name in (*API, *CALLBACKS) else "drl.nn"
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
