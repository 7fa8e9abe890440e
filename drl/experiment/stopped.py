"""What ends a run in the middle of training, in one line that says how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from drl.errors import Diverged, EnvFailed, UserError, out_of_memory
from drl.experiment.run import Run


@contextmanager
def stopped_in_one_line(
    run: Run | None,
    where: Callable[[], str],
    remedy: str,
    keep: Callable[[], object] = lambda: None,
) -> Iterator[None]:  # fmt: skip
    """Around the training loop: numbers that are none, and environments that cannot be played.

    where   how far training has come
    remedy  of divergence: what to try
    keep    saves what was learnt until an environment failed
    run     None: there is no directory
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # said below, in one line
            yield
    except Diverged as error:
        raise UserError(f"{error} ({where()}){_last_good(run)}: {remedy}") from error
    except EnvFailed as error:
        keep()
        stopped = EnvFailed(f"{error} ({where()}){_last_good(run)}")
        stopped.trace = error.trace
        raise stopped from error.__cause__ or error
    except UserError as error:
        raise UserError(f"{error} ({where()}){_last_good(run)}") from error
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"out of memory ({where()}; {error}){_last_good(run)}: train anew with a smaller "
            "`batch_size`, smaller `hidden` layers, or fewer seeds at a time"
        ) from error


def _last_good(run: Run | None) -> str:
    if run is None:
        return ""
    newest = run.newest
    return "; " + (
        "no checkpoint was written" if newest is None else f"the last good checkpoint is {newest}"
    )
