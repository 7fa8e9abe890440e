"""Arrays that grow as they fill: a memory takes what a training has filled, or is known to fill."""

from __future__ import annotations

import numpy as np

from drl.nn.memory import require_memory


def with_rows(array: np.ndarray, rows: int, most: int) -> np.ndarray:
    """The array, or where it has fewer than `rows` rows a longer one that begins with it: twice as
    long at least, `most` rows at most.

    MemoryError where there is no room for it.
    """
    if rows <= len(array):
        return array
    count = min(most, max(rows, 2 * len(array)))
    require_memory(
        count * array[:1].nbytes, f"a column of the replay memory of {count:,} rows",
        "fewer `steps`, or train anew with a smaller `buffer_size`",
    )  # fmt: skip
    longer = np.zeros((count, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
