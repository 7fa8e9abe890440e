"""The floor under a piece of work: what this core needs for its products, or for its bytes.

    floor = max(operations / GEMM rate, bytes / bandwidth)

Both rates are measured, the first in the same repeats as the work itself.  Nothing that multiplies
matrices or moves numbers on this core can be faster, whoever wrote it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from drl.nn import Network

SIZES = (256, 512, 1024)  # squares to look for the best rate with


class Product(NamedTuple):
    """A large product in float32, at the best rate of this core: a contender like the others."""

    call: Callable[[], Any]
    operations: int  # multiplications and additions

    def floor(self, operations: float, seconds: float) -> float:
        """Seconds for so many operations, at the rate of a call that took `seconds`."""
        return operations * seconds / self.operations


def fastest_product() -> Product:
    """The fastest over sizes and both array libraries."""
    products = [make(size) for size in SIZES for make in (_numpy_product, _torch_product)]
    return min(products, key=lambda product: _best(product.call, 5) / product.operations)


def _numpy_product(size: int) -> Product:
    a, b = np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)
    out = np.empty_like(a)
    return Product(lambda: np.matmul(a, b, out=out), 2 * size**3)


def _torch_product(size: int) -> Product:
    import torch

    a, b = torch.randn(2, size, size)
    out = torch.empty(size, size)
    return Product(lambda: torch.matmul(a, b, out=out), 2 * size**3)


def bandwidth(size: int) -> float:
    """Bytes read and written per second by a copy within a working set of `size` bytes."""
    a = np.ones(max(size // 8, 1), np.float32)  # two arrays of half the working set
    b = np.empty_like(a)
    calls = max(1, 2_000_000 // max(size, 1))

    def copy() -> None:
        for _ in range(calls):
            np.copyto(b, a)

    return calls * 2 * a.nbytes / _best(copy, 9)


def _best(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def forward_operations(net: Network, batch: int) -> int:
    """A multiplication and an addition for each weight, at each position, for each example."""
    return 2 * batch * sum(net.multiplications())


def backward_operations(net: Network, batch: int) -> int:
    """∂L/∂W and ∂L/∂x cost a forward each; the first layer's ∂L/∂x is nobody's wish."""
    return 2 * forward_operations(net, batch) - 2 * batch * net.multiplications()[0]
