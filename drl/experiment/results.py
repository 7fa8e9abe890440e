"""Runs read back: results and learning curves, in groups that differ in nothing but the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.run import Run
from drl.extras import require
from drl.files import require_file, utf8_name
from drl.log import lines, table
from drl.named import short
from drl.state import fitting, number, optional, whole
from drl.statistics import bootstrap_interval, interquartile_mean
from drl.tables import job_of

# what does not change what is learnt
ASIDE = {
    "job", "env", "data", "seed", "log", "log_to", "log_every", "checkpoint_every", "data_dir",
    "observation_space", "observations",
}  # fmt: skip
AGGREGATE = "aggregate.json"  # marks what compare_board has written: no run

Curve = tuple[np.ndarray, np.ndarray]  # steps (T,), values (T,)
EMPTY: Curve = np.empty(0), np.empty(0)


@dataclass(frozen=True, eq=False)
class Result:
    """One finished run; curve: of its job's metric, maybe empty; scalars: all curves, by tag."""

    settings: dict[str, Any]
    summary: dict[str, Any]
    curve: Curve
    scalars: Mapping[str, Curve] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """In its job's unit."""
        return int(self.summary[job_of(self.settings["job"]).steps])

    def metrics(self) -> dict[str, float]:
        """What the run is worth: name → value, without what it does not know."""
        job, found = job_of(self.settings["job"]), {}
        for name, key in job.metrics.items():
            if self.summary[key] is not None:
                found[name] = self.summary[key]
        if job.last is not None and len(self.curve[1]):
            found[job.last] = float(self.curve[1][-1])
        return found


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one job on one env or data set; label: the settings that other groups do not share.

    It is empty where there is but one group.
    """

    job: str
    what: str
    label: str
    results: list[Result]

    @property
    def title(self) -> str:
        return f"{self.what}  {self.label}".rstrip()

    @property
    def seeds(self) -> list[int]:
        return sorted(int(r.settings["seed"]) for r in self.results)

    def repeated_seeds(self) -> list[int]:
        return sorted({seed for seed in self.seeds if self.seeds.count(seed) > 1})

    def rows(self) -> list[dict[str, Any]]:
        """Numbers of the table, a row for each metric that any of the runs knows."""
        names = dict.fromkeys(name for r in self.results for name in r.metrics())
        return [self._row(name) for name in names]

    def _row(self, metric: str) -> dict[str, Any]:
        results = [r for r in self.results if metric in r.metrics()]
        values = np.array([r.metrics()[metric] for r in results])
        low, high = bootstrap_interval(values) if len(values) > 1 else (None, None)
        return {
            "group": self.title,
            "job": self.job,
            "seeds": sorted(int(r.settings["seed"]) for r in results),
            "metric": metric,
            "mean": float(values.mean()),
            "iqm": float(interquartile_mean(values)),
            "low": low,
            "high": high,
            "seconds": float(np.median([r.summary["seconds"] for r in results])),
            "steps": float(np.median([r.steps for r in results])),
        }

    def curves(self) -> Curve:
        """steps (T,), values (runs, T) of the job's metric, on common steps."""
        curves = [r.curve for r in self.results if len(r.curve[0])]
        return common(curves) if curves else (np.empty(0), np.empty((0, 0)))


def common(curves: Sequence[Curve]) -> Curve:
    """steps (T,), values (runs, T): at every step at which any run has a point.

    Between two points of a run a straight line.  From the step on by which all have had one; a run
    that has stopped (solved) keeps its last value.
    """
    steps = np.unique(np.concatenate([s for s, _ in curves]))
    steps = steps[steps >= max(s[0] for s, _ in curves)]
    return steps, np.stack([np.interp(steps, s, values) for s, values in curves])


def find(paths: Sequence[Path]) -> list[Path]:
    """The runs among the paths and right below them, each once.  UserError where there are none."""
    found: dict[Path, Path] = {}
    for path in paths:
        inside = [path] if (path / "config.json").is_file() else []
        if not inside and path.is_dir():
            inside = sorted(p.parent for p in path.glob("*/config.json"))
        aggregates = (path / AGGREGATE).is_file() or any(path.glob(f"*/{AGGREGATE}"))
        if not inside and not aggregates:
            raise UserError(f"{path} is no run and no directory of runs: config.json is missing")
        for run in inside:
            found.setdefault(run.resolve(), run)
    if not found:
        raise UserError("these are aggregates of earlier comparisons: give directories of runs")
    return list(found.values())


def read(path: Path, console: Console) -> Result | None:
    """The run's result; None, with a warning, where it is not finished."""
    with Run.open(path) as run:
        settings, job = run.config, run.job
        if not (path / "summary.json").is_file():
            console.warn(f"{path} is left out: it has not finished")
            return None
        summary = run.summary
    if summary.get("interrupted"):
        words = command("resume", path)
        console.warn(f"{path} is left out: it was interrupted; go on with it: {words}")
        return None
    with fitting(f"the result of {path}"):
        _require_numbers(settings, summary, job)
    scalars = curves(path)
    return Result(settings, summary, scalars.get(job_of(job).curve, EMPTY), scalars)


def _require_numbers(settings: dict[str, Any], summary: dict[str, Any], name: str) -> None:
    """ValueError unless what is compared is there and is a number."""
    job = job_of(name)
    whole(settings, "seed")
    number(summary, "seconds", low=0)
    for key in job.metrics.values():
        optional(number, summary, key)
    whole(summary, job.steps)
    if not isinstance(settings.get(job.what), str):
        raise ValueError("it names no environment and no data")


def group(results: list[Result]) -> list[Group]:
    """Groups in the order of their first run, labelled by what differs within job and
    environment."""
    by_task: dict[tuple[str, str], list[Result]] = {}
    for r in results:
        what = str(r.settings[job_of(r.settings["job"]).what])
        by_task.setdefault((r.settings["job"], what), []).append(r)
    groups = []
    shorts = [short(what) for _, what in by_task]
    for (job, what), members in by_task.items():
        names = dict.fromkeys(name for r in members for name in r.settings if name not in ASIDE)
        differing = [n for n in names if len({repr(r.settings.get(n)) for r in members}) > 1]
        labelled: dict[str, list[Result]] = {}
        for r in members:
            label = " ".join(filter(None, (_word(n, r.settings.get(n)) for n in differing)))
            labelled.setdefault(label, []).append(r)
        shown = short(what) if shorts.count(short(what)) == 1 else what
        groups += [Group(job, shown, label, found) for label, found in labelled.items()]
    return groups


def curves(path: Path) -> dict[str, Curve]:
    """Every curve of the run, by tag: of its progress.csv, progress.jsonl, or event files.

    UserError where only event files have them, and TensorBoard is not installed.
    """
    for name, points_of in ((table.NAME, table.read_curves), (lines.NAME, lines.read_curves)):
        if (path / name).is_file():
            return {tag: _curve(points) for tag, points in points_of(path / name).items()}
    files = list(path.glob("*tfevents*"))
    if not files:
        return {}
    require(f"{path} has its curves in TensorBoard's files alone, and reading them", "tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for events in files:
        require_file(events)  # a pipe would never end
    with utf8_name(path) as name:
        board = EventAccumulator(name, size_guidance={"scalars": 0})  # 0: every point
        board.Reload()
    found = {}
    for tag in board.Tags()["scalars"]:
        found[tag] = _curve([(p.step, p.value) for p in board.Scalars(tag)])
    return found


def _curve(points: Sequence[tuple[int, float]]) -> Curve:
    return np.array([step for step, _ in points]), np.array([value for _, value in points])


def curve(path: Path, tag: str) -> Curve:
    """One of them; empty if there is none."""
    return curves(path).get(tag, EMPTY)


def _word(name: str, value: Any) -> str:
    """A setting and its name; what an environment is called with, by the names that it has."""
    if name == "env_kwargs" and isinstance(value, dict):
        return " ".join(f"{own}={_short(v)}" for own, v in value.items())
    return f"{name}={_short(value)}"


def _short(value: Any) -> str:
    """A setting as one word."""
    if isinstance(value, list):
        return ",".join(map(_short, value)) or "none"
    if isinstance(value, dict):
        return "/".join(_short(v) for v in value.values())
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else short(str(value))
