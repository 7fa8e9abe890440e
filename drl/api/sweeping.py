"""`sweep` and `compare`: several runs, as Python users ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drl.api.console import console_of
from drl.api.runs import LoadedRun
from drl.api.seeds import sweep as train_all
from drl.api.training import plan_of, stated
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.callbacks import Callback, require_callbacks
from drl.experiment.results import Group, find, group, read
from drl.settings import require
from drl.state import shared_generators_kept


@dataclass(frozen=True, eq=False)
class Sweep:
    """What runs side by side have come to.

    path         the directory that holds them
    runs         of these seeds, in their order; also those that failed or were interrupted
    rows         what all finished runs in the directory come to, as `compare` gives it
    failed       seed → why
    interrupted  whether Ctrl-C or a signal has ended it: drl.load_run(…).resume(), or the same
                 sweep by `drl resume DIR`
    seconds      wall time
    """

    path: Path
    runs: list[LoadedRun]
    rows: list[dict[str, Any]]
    failed: dict[int, str] = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0


def sweep(
    agent: Any, env: Any = None, config: Any = None, *, seeds: int | Sequence[int],
    run: str | Path, seed: int | None = None, steps: int | None = None,
    callbacks: Sequence[Callback] = (), progress: bool = True, parts: Any = None,
    experiment: Any = None,
    env_kwargs: dict[str, Any] | None = None, wrappers: Sequence[Any] = (),
    init_from: str | Path | None = None, **settings: Any,
) -> Sweep:  # fmt: skip
    """One training with several seeds, side by side on the cores there are: a process each.

    Each run is the one that `train` with its seed would be, to the same bytes.

    seeds      so many, from `seed` on (none: that of `experiment`, else 1); or a list of them
    run        directory of the runs, RUN/seed-1, RUN/seed-2 …; runs of the same settings and other
               seeds may be there already: these join them
    callbacks  each run has copies of them
    all else   as `train` takes it; what nothing can name (a class of a notebook, a lambda) is
               handed to the processes as it is, and has to be given again for a resume

    UserError as from `train`, and where the directory holds something else.  A run that fails does
    not take the others: see `failed`.
    """
    require_callbacks(callbacks)
    chosen = config if experiment is None else experiment
    first = getattr(chosen, "seed", 1) if seed is None else seed
    numbers = list(range(first, first + seeds) if isinstance(seeds, int) else map(int, seeds))
    if not numbers or len(set(numbers)) < len(numbers):
        raise UserError(f"seeds={seeds} is not possible: give how many, or different ones")
    require("seeds", seeds, min(numbers) >= 0, "0 or more")
    console = console_of(progress)
    with shared_generators_kept():
        changes = settings | stated(seed=numbers[0], steps=steps)
        plan = plan_of(
            agent, env, config, changes, parts=parts, experiment=experiment,
            env_kwargs=env_kwargs, wrappers=wrappers, init_from=init_from,
        )  # fmt: skip
        found = train_all(plan, numbers, Path(run), console, callbacks)
    return Sweep(
        Path(run),
        [LoadedRun(Path(run) / f"seed-{number}") for number in numbers],
        found["groups"],
        {int(name.removeprefix("seed-")): reason for name, reason in found["failed"].items()},
        found["interrupted"],
        found["seconds"],
    )


def compare(runs: Any, *more: Any) -> list[dict[str, Any]]:
    """What runs come to over their seeds: a row for each group that differs in nothing but the
    seed, and each metric: group, job, seeds, metric, mean, iqm, low, high (95 % bootstrap interval
    of the interquartile mean), seconds, steps.

    runs  directories of runs, or of directories of such; LoadedRuns; a Sweep

    UserError where none of them is finished.
    """
    given = [*(runs if isinstance(runs, list | tuple) else [runs]), *more]
    paths = [Path(getattr(g, "directory", getattr(g, "path", g))) for g in given]
    return [row for g in groups_of(paths, console_of(False)) for row in g.rows()]


def groups_of(paths: Sequence[Path], console: Console) -> list[Group]:
    """The finished runs among the paths and right below them.   UserError where there are none."""
    results = [result for path in find(paths) if (result := read(path, console)) is not None]
    if not results:
        raise UserError("no finished run to compare: let one of them come to its end first")
    groups = group(results)
    for g in groups:
        if twice := g.repeated_seeds():
            console.warn(
                f"{g.title}: seed {', '.join(map(str, twice))} is there more than once; equal runs "
                "make the interval too narrow"
            )
    return groups
