"""Runs read back: results and learning curves, in groups that differ in nothing but the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from drl.tables import job_of, label

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
    """Runs of one agent or classifier on one environment or data set, which differ in nothing but
    the seed.

    what   it learns, in a word: FrozenLake-v1
    who    learns, in a word: ppo, or a classifier's model
    label  the settings in which it differs from other groups, those of what is learnt from all of
           them, its own from those of the same kind; "" where there is none
    """

    job: str
    what: str
    who: str
    label: str
    results: list[Result]

    @property
    def name(self) -> str:
        """Among groups that learn the same."""
        return f"{self.who} {self.label}".rstrip()

    @property
    def title(self) -> str:
        return f"{self.what}  {self.name}"

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
    """Groups, those that learn the same beside each other, each named by who learns and by the
    settings in which it differs from the others."""
    whats = shortened((_what(r) for r in results), short)
    whos = shortened((_who(r) for r in results), label)
    kinds: dict[str, dict[str, list[Result]]] = {}
    for r in results:
        kinds.setdefault(_what(r), {}).setdefault(_who(r), []).append(r)
    groups = []
    for what, by_who in kinds.items():
        about = _differing([r for members in by_who.values() for r in members], of_what=True)
        for who, members in by_who.items():
            differing = [*about, *_differing(members, of_what=False)]
            labelled: dict[str, list[Result]] = {}
            for r in members:
                words = (_word(name, r.settings.get(name)) for name in differing)
                labelled.setdefault(" ".join(filter(None, words)), []).append(r)
            groups += [
                Group(found[0].settings["job"], whats[what], whos[who], said, found)
                for said, found in labelled.items()
            ]
    return groups


def _what(r: Result) -> str:
    """What it has learnt."""
    return str(r.settings[job_of(r.settings["job"]).what])


def _who(r: Result) -> str:
    """Who has learnt it."""
    return str(r.settings.get(job_of(r.settings["job"]).who, r.settings["job"]))


def _differing(results: Sequence[Result], of_what: bool) -> list[str]:
    """Settings that are not the same in all of them: of what is learnt, or of who learns; without
    those that follow from how long the training is."""
    names = dict.fromkeys(
        name for r in results for name in r.settings
        if (name in job_of(r.settings["job"]).about) == of_what
        and name not in {*ASIDE, job_of(r.settings["job"]).who}
    )  # fmt: skip
    return [
        n for n in names
        if len({repr(r.settings.get(n)) for r in results}) > 1 and not _follows(n, results)
    ]  # fmt: skip


def _follows(name: str, results: Sequence[Result]) -> bool:
    """Whether a setting like anneal_steps is the same share of `steps` in all."""
    if not name.endswith("_steps"):
        return False
    shares = set()
    for r in results:
        part, whole = r.settings.get(name), r.settings.get("steps")
        if not (isinstance(part, int) and isinstance(whole, int) and whole):
            return False
        shares.add(round(part / whole, 3))
    return len(shares) == 1


def shortened(names: Iterable[str], shorter: Callable[[str], str]) -> dict[str, str]:
    """Each name in a word, or whole where two would have the same word."""
    words = {name: shorter(name) for name in names}
    return {
        name: word if list(words.values()).count(word) == 1 else name
        for name, word in words.items()
    }


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
