"""A batch as arrays of a network's library."""

from __future__ import annotations

from agents.memory.replay import Batch
from drl.nn.ops import Ops


def on_backend(batch: Batch, ops: Ops, numbered: bool = True) -> Batch:
    """The same batch there; bytes become its floats here, once.

    numbered  actions are numbers of outputs, which become indices
    """
    mask, next_mask = batch.mask, batch.next_mask
    return Batch(
        ops.asarray(batch.s), ops.indices(batch.a) if numbered else ops.asarray(batch.a),
        ops.asarray(batch.r), ops.asarray(batch.discount), ops.asarray(batch.s_next),
        ops.asarray(batch.weight), batch.rows, None if mask is None else ops.booleans(mask),
        None if next_mask is None else ops.booleans(next_mask),
    )  # fmt: skip
