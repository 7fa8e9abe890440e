"""Arrays that two processes see: what a step takes and gives, without copies through a pipe."""

from __future__ import annotations

import mmap
import os
import tempfile
from math import prod
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from drl.action_space import mask_size

ALIGNED = 64  # bytes: of a cache line


class Shared:
    """Arrays of `count` environments in memory without a name: it is gone with the last process
    that has it, however that ends.

    obs, final_obs (count, *shape); actions (count, *action shape); reward (count,) float64;
    terminated, truncated, invalid (count,) bool; begun (count,) int64, episodes of each
    action_mask, final_action_mask (count, A) bool, where the actions can have masks

    file  of its memory, which another process has made; none: it is made here
    """

    def __init__(self, count: int, observation: Any, action: Any, file: int | None = None) -> None:
        fields = fields_of(count, observation, action)
        sizes = [prod(shape) * dtype.itemsize for shape, dtype in fields.values()]
        starts = np.cumsum([0, *(-(-size // ALIGNED) * ALIGNED for size in sizes)]).tolist()
        self.file = _new(starts[-1]) if file is None else file
        self._memory = mmap.mmap(self.file, starts[-1])
        self.arrays = {
            name: np.ndarray(shape, dtype, self._memory, start)
            for (name, (shape, dtype)), start in zip(fields.items(), starts, strict=False)
        }

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def send(self, pipe: Connection, process: int) -> None:
        """Hand the memory to a process, which takes it by `received`."""
        reduction.send_handle(pipe, self.file, process)

    def close(self) -> None:
        """The memory itself goes with the last array of it."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def received(pipe: Connection, count: int, observation: Any, action: Any) -> Shared:
    """What another process has sent."""
    return Shared(count, observation, action, reduction.recv_handle(pipe))


def fields_of(count: int, observation: Any, action: Any) -> dict[str, tuple[Any, np.dtype[Any]]]:
    """Name → shape, dtype.   observation, action: spaces of one environment."""
    obs, flag = ((count, *observation.shape), np.dtype(observation.dtype)), np.dtype(np.bool_)
    fields = {
        "obs": obs,
        "final_obs": obs,
        "actions": ((count, *action.shape), np.dtype(action.dtype)),
        "reward": ((count,), np.dtype(np.float64)),
        "terminated": ((count,), flag),
        "truncated": ((count,), flag),
        "invalid": ((count,), flag),
        "begun": ((count,), np.dtype(np.int64)),
    }
    if (flags := mask_size(action)) is not None:
        masks = ((count, flags), flag)
        fields |= {"action_mask": masks, "final_action_mask": masks}
    return fields


def _new(size: int) -> int:
    """A file of zeros without a name."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("environments")
    else:
        with tempfile.TemporaryFile() as unnamed:
            file = os.dup(unnamed.fileno())
    os.ftruncate(file, size)
    return file
