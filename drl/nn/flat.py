"""A network's parameters as one vector, and a layer's arrays as places in it."""

from __future__ import annotations

import math
from typing import Any

from drl.nn.ops import Array, Ops


class FlatParameters:
    """θ and ∂L/∂θ as two vectors, `params` and `grads`: (P,), zeros at the start.

    The network and each of its layers hold this one object, so that copies of them (copy.deepcopy,
    pickle, an argument of a process) share one vector again and the layers can cut their views out
    of it.  A copy has memory of its own, on torch too, whose tensors processes otherwise share.

    ops   array operations (`make_ops`)
    size  P

    MemoryError where P numbers do not fit into the device's memory.
    """

    def __init__(self, ops: Ops, size: int) -> None:
        self.ops, self.size = ops, size
        self.params, self.grads = ops.zeros(size), ops.zeros(size)

    def views(self, start: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
        """Views of θ from `start` on, one after another, by name; of ∂L/∂θ, by d + name."""
        arrays = {}
        for name, shape in shapes.items():
            end = start + math.prod(shape)
            arrays[name] = self.params[start:end].reshape(shape)
            arrays[f"d{name}"] = self.grads[start:end].reshape(shape)
            start = end
        return arrays

    def holds(self, value: Any) -> bool:
        """Whether the value is a view of θ or ∂L/∂θ."""
        if type(value) is not type(self.params):
            return False
        return self.ops.share(value, self.params) or self.ops.share(value, self.grads)

    def __getstate__(self) -> dict[str, Any]:
        params, grads = self.ops.numpy(self.params), self.ops.numpy(self.grads)
        return {"ops": self.ops, "params": params, "grads": grads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["ops"], len(state["params"]))  # type: ignore[misc]
        for name in ("params", "grads"):
            getattr(self, name)[:] = self.ops.asarray(state[name])
