"""Groups of runs as runs of TensorBoard of their own, which itself knows nothing of seeds.

For each scalar of the members its IQM under the same name, so that it lies over theirs; and beside
it over_seeds/<tag>/mean, iqm, and the 95 % bootstrap interval of the latter, low to high.  The
Custom Scalars tab draws the band.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drl.errors import UserError
from drl.experiment.results import AGGREGATE, Curve, Group, common
from drl.log.layout import Margin
from drl.log.tensorboard.writer import TensorBoard
from drl.statistics import bootstrap_interval, interquartile_mean
from drl.tables import job_of

POINTS = 100  # of a curve at most: each costs a bootstrap
# of the machine, or of one run alone
ASIDE = re.compile(r"(time|final)/")


class OverSeeds(NamedTuple):
    """A group's curves, and the directory of the run that they become."""

    group: Group
    home: Path
    curves: dict[str, Curve]  # tag → steps (T,), values (runs, T)


def over_seeds(groups: Sequence[Group], directory: Path) -> list[OverSeeds]:
    """Of each group that has curves, a run `aggregate …` in `directory`.

    UserError where one of them is there already, or no run has curves.
    """
    found = [OverSeeds(g, directory / name(g), curves) for g in groups if (curves := scalars(g))]
    if not found:
        raise UserError("no run has curves: train with `log=minimal` or full")
    for _, home, _ in found:
        if home.exists():
            raise UserError(f"{home} exists: remove it, or give `tensorboard` another directory")
    return found


def write(found: Sequence[OverSeeds]) -> None:
    """UserError where the disk does not take them."""
    for group, home, curves in found:
        try:
            home.mkdir(parents=True)
            about = json.dumps({"group": group.title, "seeds": group.seeds})
            (home / AGGREGATE).write_text(about, encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"cannot write {home} ({error.strerror}): give `tensorboard` a place that can be "
                "written to"
            ) from error
        _write(TensorBoard(home), group, curves)


def _write(out: TensorBoard, g: Group, curves: dict[str, Curve]) -> None:
    shown = (job_of(g.job).curve, *job_of(g.job).beside)
    bands = {f"{tag}: IQM and its 95 % interval": band(tag) for tag in shown}
    # the same for every agent: TensorBoard shows a category once, with the runs of all in it
    out.layout({f"over seeds, by {job_of(g.job).unit}": bands})
    seeds = ", ".join(map(str, g.seeds))
    out.text("group", f"{g.title}: {len(g.results)} runs, seeds {seeds}", 0)
    for tag, (steps, values) in curves.items():
        for step, at_step in zip(steps.tolist(), values.T, strict=True):
            found = summary(at_step)
            named = {f"over_seeds/{tag}/{what}": value for what, value in found.items()}
            out.scalars({tag: found["iqm"]} | named, int(step))
    out.close()


def band(tag: str) -> Margin:
    """The IQM of a scalar within its interval."""
    return Margin(*(f"over_seeds/{tag}/{what}" for what in ("iqm", "low", "high")))


def summary(values: np.ndarray) -> dict[str, float]:
    """values (n,), one for each run.  One run alone is its own interval."""
    alone = float(values[0])
    low, high = bootstrap_interval(values) if len(values) > 1 else (alone, alone)
    return {
        "mean": float(values.mean()),
        "iqm": float(interquartile_mean(values)),
        "low": low,
        "high": high,
    }


def scalars(g: Group) -> dict[str, Curve]:
    """tag → steps (T,), values (runs, T), of the scalars that all runs have."""
    first, *others = (r.scalars for r in g.results)
    found = {}
    for tag in first:
        if all(tag in run for run in others) and not ASIDE.match(tag):
            steps, values = common([r.scalars[tag] for r in g.results])
            kept = np.linspace(0, len(steps) - 1, min(len(steps), POINTS)).astype(int)
            found[tag] = steps[kept], values[:, kept]
    return found


def name(g: Group) -> str:
    """A directory's name from the group's title."""
    return re.sub(r"[^\w.=,-]+", "-", f"aggregate {g.title}").strip("-")
