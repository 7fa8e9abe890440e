"""The array operations, on numpy and on torch: the only place where the two differ.

Everything above (layers, losses, optimizers, agents) is written once against the names of
drl.nn.ops_numpy.NumpyOps and drl.nn.ops_torch.TorchOps.  No operation there knows a derivative of a
whole layer, except the convolution and the pooling, whose backward kernels belong to their forward
ones.

Shapes: B batch, I inputs, O outputs, H×W image, C channels.  Images are (B, H, W, C) in both
libraries: a patch row is contiguous for numpy, and torch calls the same memory "channels last".
"""

from __future__ import annotations

import copyreg
import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

from drl.nn.compiled import numba_there
from drl.nn.ops_compiled import CompiledOps
from drl.nn.ops_numpy import Array, NumpyOps
from drl.nn.ops_torch import TorchOps

__all__ = ["Array", "NotHere", "Ops", "has_device", "has_torch", "make_ops"]

Ops = NumpyOps | TorchOps


class NotHere(ValueError):
    """A library or a device that this machine lacks: no setting else has to do with it."""


def make_ops(backend: str, dtype: str = "float32", device: str = "cpu") -> Ops:
    """The array operations on `backend`: the same object for the same arguments.

    Networks of one kind share it: it holds no state of a computation.  On numpy its loops are
    compiled where numba is installed, once a process has computed enough to pay for that
    (drl.nn.ops_compiled); the numbers are the same.

    backend  "numpy" or "torch"
    dtype    "float32" or "float64"
    device   "cpu", or with torch "cuda" or "cuda:N"

    ValueError on any other name; NotHere where there is no torch or no such device.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"unknown dtype {dtype!r}; expected float32 or float64")
    if backend not in ("numpy", "torch"):
        raise ValueError(f"unknown backend {backend!r}; expected numpy or torch")
    if backend == "torch" and not has_torch():
        what = "backend torch" if device == "cpu" else f"device {device}"
        raise NotHere(f"{what} needs torch: pip install torch")
    if backend == "torch" and not has_device(device):
        raise NotHere(f"no device {device!r} here: torch sees no such GPU; take device cpu")
    return _shared_ops(backend, dtype, device)


@cache
def _shared_ops(backend: str, dtype: str, device: str) -> Ops:
    if backend == "torch":
        return TorchOps(dtype, device)
    return CompiledOps(dtype, device) if numba_there() else NumpyOps(dtype, device)


def _reduce(ops: Any) -> tuple[Callable[..., Ops], tuple[Any, ...]]:
    """Pickled, operations are their settings: another process makes its own."""
    return make_ops, (ops.name, str(ops.dtype).removeprefix("torch."), str(ops.device))


for _kind in (NumpyOps, CompiledOps, TorchOps):
    copyreg.pickle(_kind, _reduce)


def has_torch() -> bool:
    """Whether torch is installed; it is not loaded."""
    return importlib.util.find_spec("torch") is not None


def has_device(device: str) -> bool:
    """Whether torch can compute there.   ValueError where it is no name of a device."""
    if device == "cpu":
        return True
    name, colon, number = device.partition(":")
    if name != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise ValueError(f"unknown device {device!r}; expected cpu, cuda or cuda:N")
    try:
        cuda = importlib.import_module("torch").cuda
    except ImportError:
        return False
    return bool(cuda.is_available()) and int(number or 0) < cuda.device_count()
