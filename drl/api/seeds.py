"""One training with several seeds: a directory that holds a run for each, and what they come to."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from drl.api.changes import changed
from drl.api.plan import Plan, announce
from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.callbacks import Callback
from drl.experiment.results import group, read
from drl.experiment.results_table import print_table
from drl.experiment.run import Run
from drl.experiment.run_files import claim_directory, is_free, remove_empty, taken
from drl.experiment.side_by_side import advance, cores
from drl.log.writers import writers_of
from drl.nn.memory import physical_memory
from drl.settings import difference, require
from drl.state import fitting, whole
from drl.tables import TASKS, job_of, label

MOST_SEEDS = 10_000  # runs in one directory


def sweep(
    plan: Plan, seeds: Sequence[int], directory: Path | None, console: Console,
    callbacks: Sequence[Callback] = (),
) -> dict[str, Any]:  # fmt: skip
    """Make a run DIR/seed-<seed> for each seed, train them side by side, and sum them up.

    plan       of one of the seeds; its task is closed here, since the runs have their own
    directory  none: runs/<job>-<what>-<first>to<last>-<time>
    callbacks  each run has copies of them
    """
    require("seeds", len(seeds), 1 <= len(seeds) <= MOST_SEEDS, f"1 to {MOST_SEEDS:,}")
    plan.task.close()
    if plan.single:
        raise UserError(
            "several runs of one environment that cannot be made again: give a class or a function"
        )
    settings = plan.settings
    if directory is not None:
        _require_place(directory, settings, seeds)
    announce(plan, console, written=True)
    if directory is None:
        what = settings[job_of(settings["job"]).what]
        directory = claim_directory(label(settings["job"]), what, f"{seeds[0]}to{seeds[-1]}")
    runs = _created(directory, settings, seeds)
    fit = int(min(len(seeds), physical_memory() / max(1, _memory(plan.task))))
    asked = {**plan.given, "callbacks": callbacks}
    return go_on(directory, runs, console, min(fit, cores()), asked)


def _require_place(directory: Path, settings: dict[str, Any], seeds: Sequence[int]) -> None:
    """UserError unless the directory is empty, or holds runs of the same settings and other seeds:
    a second machine joins in."""
    if not directory.exists():
        return
    others = runs_in(directory) if directory.is_dir() else []
    if not others and not (directory.is_dir() and all(map(_is_begun, directory.iterdir()))):
        raise taken(directory)
    _require_same(directory, settings, others)
    there = [seed for seed in seeds if (directory / f"seed-{seed}" / "config.json").exists()]
    if there:
        raise UserError(
            f"{directory} holds seed {', '.join(map(str, there))} already: give other seeds, or go "
            "on with them: " + command("resume", directory)
        )


def _is_begun(path: Path) -> bool:
    """The directory of a run that another process is making right now, or was killed in making."""
    return re.fullmatch(r"seed-\d+", path.name) is not None and is_free(path)


def _require_same(directory: Path, settings: dict[str, Any], others: Sequence[Path]) -> None:
    """UserError unless these runs differ in nothing but the seed."""
    for path in others:
        with Run.open(path) as other:
            theirs = other.config
        if (name := difference(settings, theirs, ("seed",))) is not None:
            raise UserError(
                f"{directory} holds runs with `{name}={theirs.get(name)}`, these are to have "
                f"`{name}={settings.get(name)}`: give the same settings, or another `run`"
            )


def _memory(task: Any) -> int:
    """Bytes that a training fills as it goes on."""
    return int(getattr(getattr(task, "agent", None), "nbytes", 0))


def _created(directory: Path, settings: dict[str, Any], seeds: Sequence[int]) -> list[Path]:
    """A run for each seed, or none where one cannot be made."""
    made: list[Run] = []
    try:
        for seed in seeds:
            made.append(Run.create(directory / f"seed-{seed}", settings | {"seed": seed}))
        # another process may have made its own since we looked
        _require_same(directory, settings, runs_in(directory))
    except BaseException:
        for run in made:
            run.discard()
        remove_empty(directory)
        raise
    for run in made:
        run.close()
    return [run.directory for run in made]


def resume_all(
    directory: Path, console: Console, steps: int | None = None, device: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Go on with every run in the directory that is not finished.  UserError if all are, or the
    settings of one cannot change so."""
    runs = runs_in(directory)
    if not (left := [run for run in runs if not finished(run, steps)]):
        raise UserError(
            f"all {len(runs)} runs in {directory} are finished: give more `steps` to train on, or "
            "see them: " + command("compare", directory)
        )
    for path in left if changes else ():
        with Run.open(path) as run:
            changed(run.config, changes or {}, console)
    asked = {"steps": steps, "device": device, "changes": dict(changes or {})}
    return go_on(directory, left, console, cores(), asked)


def runs_in(directory: Path) -> list[Path]:
    """The runs right below a directory, seed by seed; none where it is a run itself."""
    if (directory / "config.json").exists():
        return []
    runs = [path.parent for path in directory.glob("*/config.json")]
    return sorted(runs, key=lambda run: (len(run.name), run.name))


def finished(run: Path, steps: int | None = None) -> bool:
    """Whether it has come to its end, or to `steps`."""
    with Run.open(run) as opened:
        if not opened.finished or steps is None or opened.job in TASKS:
            return opened.finished
        with fitting(f"summary.json of {run}"):
            return whole(opened.summary, job_of(opened.job).steps) >= steps


def go_on(
    directory: Path, runs: Sequence[Path], console: Console, workers: int, asked: dict[str, Any]
) -> dict[str, Any]:
    """Train them to the end, print what all finished runs in the directory come to, and give it.

    asked  what drl.api.resume.go_on takes besides the run and the console
    """
    workers = max(1, min(workers, len(runs)))
    console.print(f"{len(runs)} runs in {directory}, {workers} at a time")
    started = time.perf_counter()
    steps, forked = asked.get("steps"), not _on_gpu(runs, asked.get("device"))
    on = partial(_go_on_with, asked)
    failed = advance(runs, on, console, workers, forked, ("drl.api.resume",))
    seconds = time.perf_counter() - started

    mine, results, summaries, unfinished = set(runs), [], [], 0  # others may still be trained
    for run in runs_in(directory):
        with contextlib.suppress(UserError):  # a damaged one among those that were there
            if not finished(run, steps):
                unfinished += run in mine and run not in failed
            elif (result := read(run, console)) is not None:
                results.append(result)
                summaries.append(result.summary | {"run": str(run)})
    rows = [row for g in group(results) for row in g.rows()]
    if rows:
        print_table(rows, console)
    console.print(f"wall seconds: {seconds:.2f}")
    if failed:
        console.print(f"failed:  {', '.join(run.name for run in failed)}")
    if unfinished or failed:
        console.print("go on:   " + command("resume", directory))
    if rows:
        console.print("compare: " + command("compare", directory))
    with Run.open(runs[0]) as one:  # they differ in nothing but the seed
        logged_to = writers_of(one.config) if one.config["log"] != "none" else ()
    if "tensorboard" in logged_to:
        console.print("curves:  " + command("board", directory))
    return {
        "directory": str(directory),
        "runs": summaries,
        "groups": rows,
        "failed": {run.name: reason for run, reason in failed.items()},
        "interrupted": unfinished > 0,
        "seconds": round(seconds, 3),
    }


def _go_on_with(asked: dict[str, Any], run: Run, console: Console) -> dict[str, Any]:
    """In a process of its own."""
    from drl.api.resume import go_on

    return go_on(run, console, **asked).summary


def _on_gpu(paths: Sequence[Path], device: str | None) -> bool:
    """CUDA does not survive a fork."""
    for path in paths:
        with Run.open(path) as run:
            if (device or run.config.get("device")) != "cpu":
                return True
    return False
