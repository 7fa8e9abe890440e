"""Which machine's arithmetic this is: what a snapshot of trained parameters is valid for.

The same seed gives the same bytes on the same machine; another processor's kernels add up a matrix
product in another order.  A fingerprint of a few computations tells one machine from another.
"""

from __future__ import annotations

import hashlib

import numpy as np

from drl.threads import one_thread


def fingerprint(backend: str) -> str:
    """Hexadecimal: equal where the products and functions that a training uses give equal bits."""
    with one_thread():  # as a training runs
        return _fingerprint(backend)


def _fingerprint(backend: str) -> str:
    rng = np.random.default_rng(0)
    digest = hashlib.sha256()
    for shape in ((16, 4, 64), (64, 64, 64), (64, 64, 2), (32, 1024, 128), (100, 784, 256)):
        x, W = (rng.standard_normal(s).astype(np.float32) for s in (shape[:2], shape[1:]))
        y = x @ W
        back = y @ W.T
        digest.update(y.tobytes() + (x.T @ y).tobytes() + back.tobytes())
        digest.update(np.tanh(y).tobytes() + np.exp(np.minimum(y, 5)).tobytes())
        digest.update(np.log1p(np.abs(y)).tobytes() + np.float32(np.linalg.norm(y)).tobytes())
        if backend == "torch":
            import torch

            tx, tW = torch.from_numpy(x), torch.from_numpy(W)
            ty = tx @ tW
            digest.update(ty.numpy().tobytes() + (tx.T @ ty).numpy().tobytes())
            digest.update(torch.tanh(ty).numpy().tobytes())
            digest.update(torch.exp(ty.clip(max=5)).numpy().tobytes())
            digest.update(torch.__version__.encode())
    if backend == "torch":
        images, kernels = rng.standard_normal((8, 3, 12, 12)), rng.standard_normal((4, 3, 3, 3))
        digest.update(torch.conv2d(*map(torch.from_numpy, (images, kernels))).numpy().tobytes())
    digest.update(np.__version__.encode())
    return digest.hexdigest()[:16]
