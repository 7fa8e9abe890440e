"""The tables of figures in README and docs, made from the files that their commands write.

python benchmarks/readme.py          writes them (make figures); a test holds the pages to them

figures.json     drl bench --all
scores.json      python benchmarks/scores.py
beside_sb3.json  python benchmarks/beside_sb3.py
the gradients' bounds are drl.bench.gradients.BARS, which `drl check-gradients` holds
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from drl.bench.gradients import BARS

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures: begin (make figures) -->", "<!-- figures: end -->"

Line = tuple[str, str, str]  # what, measured, asked for


def table(directory: Path = HERE) -> str:
    """README's, from the three files in the directory."""
    bench, scores, beside = (
        json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("figures", "scores", "beside_sb3")
    )
    by_name = {result["bench"]: result for result in bench}
    lines = [
        cartpole(by_name["cartpole"]),
        *score_lines(scores),
        step(by_name["step"]),
        *beside_sb3(beside),
        log(by_name["log"]),
        gradients(),
    ]
    head = ["| | measured | asked for |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in lines)])


# -- drl bench --all ------------------------------------------------------------------------------
def cartpole(result: dict[str, Any]) -> Line:
    rows = result["rows"]
    seconds = [row["seconds"] for row in rows]
    solved, median, worst = result["bars"]
    return (
        f"CartPole-v1, `drl train dqn` to exit, {len(rows)} seeds",
        f"{solved['measured']} solved; {min(seconds):.1f} / {statistics.median(seconds):.1f} / "
        f"{max(seconds):.1f} s (min, median, max)",
        f"all; median ≤ {median['bar']:g} s, max ≤ {worst['bar']:g} s" + missed(result["bars"]),
    )


def step(result: dict[str, Any]) -> Line:
    bars = [bar for bar in result["bars"] if bar["what"].endswith("autograd / ours")]
    ratios = [bar["measured"] for bar in bars]
    return (
        "DQN gradient step against torch autograd with fused Adam, four nets",
        ", ".join(f"{ratio:.1f}" for ratio in ratios) + " times as fast",
        "≥ " + ", ".join(f"{bar['bar']:g}" for bar in bars) + missed(bars),
    )


def log(result: dict[str, Any]) -> Line:
    rows, bars = result["rows"], result["bars"]
    slower = {(row["run"], row["log"]): percent(row["slower"]) for row in rows}
    long, short = dict.fromkeys(run for run, _ in slower)
    return (
        f"TensorBoard on {long} of CartPole: `--log full`, `minimal`",
        f"{slower[long, 'full']}, {slower[long, 'minimal']} slower "
        f"({slower[short, 'full']} and {slower[short, 'minimal']} in runs of 1 s)",
        "≤ " + ", ".join(f"{100 * bar['bar']:g} %" for bar in bars[:2]) + missed(bars),
    )


def log_table(directory: Path = HERE) -> str:
    """What TensorBoard costs, for docs/tensorboard.md."""
    bench = json.loads((directory / "figures.json").read_text(encoding="utf-8"))
    (rows,) = (result["rows"] for result in bench if result["bench"] == "log")
    cells = {
        (row["run"], row["log"]): f"{percent(row['slower'])} slower, {row['events, MB']:.2f} MB"
        for row in rows
    }
    lines = [
        f"| {run} | {cells[run, 'minimal']} | {cells[run, 'full']} |"
        for run in dict.fromkeys(run for run, _ in cells)
    ]
    return "\n".join(["| CartPole | minimal | full |", "|---|---|---|", *lines])


# -- benchmarks/scores.py -------------------------------------------------------------------------
def score_lines(rows: Iterable[dict[str, Any]]) -> list[Line]:
    """A line for each row, and for each group of rows one."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row.get("group", row["what"]), []).append(row)
    return [_score_line(name, group) for name, group in groups.items()]


def _score_line(name: str, group: list[dict[str, Any]]) -> Line:
    seeds = f"{len(group[0]['seeds'])} seeds"
    if "group" not in group[0]:
        (row,) = group
        return f"{name}, {seeds}", value(row), asked(row)
    means = ", ".join(number(mean(row), row) for row in group)
    if "seconds" in group[0]:
        means += " in " + ", ".join(f"{row['seconds']:g}" for row in group) + " s"
    bars = ", ".join(number(row["bar"], {}, "{:g}") for row in group if "bar" in row)
    short = [row["what"] for row in group if not met(row)]
    return (
        f"{name}, {seeds}: {', '.join(row['what'] for row in group)}",
        means,
        (f"≥ {bars}" if bars else "") + (f" (missed: {', '.join(short)})" if short else ""),
    )


def value(row: dict[str, Any]) -> str:
    """What a row came to: the mean, lowest and highest; where a threshold counts, how many."""
    low, high = lowest(row), number(_summary(row, "highest", max), row)
    if "threshold" in row:
        return (
            f"{reached(row)} of {len(row['seeds'])} at ≥ {row['threshold']:g}; "
            f"mean {number(mean(row), row)}, lowest {number(low, row)}"
        )
    return f"mean {number(mean(row), row)} ({number(low, row)} to {high})"


def asked(row: dict[str, Any]) -> str:
    parts = []
    if "bar" in row:
        seeds = " seeds" if "threshold" in row else ""
        parts.append(f"≥ {number(row['bar'], {}, '{:g}')}{seeds}")
    if "worst" in row:
        parts.append(f"none under {number(row['worst'], {}, '{:g}')}")
    return ", ".join(parts) + ("" if met(row) else " (missed)")


def met(row: dict[str, Any]) -> bool:
    """Whether a row reached its bars; True where it has none."""
    reach = reached(row) if "threshold" in row else mean(row)
    return reach >= row.get("bar", -math.inf) and lowest(row) >= row.get("worst", -math.inf)


def mean(row: dict[str, Any]) -> float:
    return _summary(row, "mean", statistics.mean)


def lowest(row: dict[str, Any]) -> float:
    return _summary(row, "lowest", min)


def reached(row: dict[str, Any]) -> int:
    """Seeds at or above the threshold."""
    return int(_summary(row, "reached", lambda s: sum(x >= row["threshold"] for x in s)))


def _summary(row: dict[str, Any], name: str, of: Any) -> float:
    """From the scores; from `summary` where no scores were kept."""
    return float(of(list(row["scores"].values())) if "scores" in row else row["summary"][name])


# -- benchmarks/beside_sb3.py ---------------------------------------------------------------------
def beside_sb3(found: dict[str, Any]) -> list[Line]:
    own, plain, solved = found["speed"], found["speed_plain"], found["solved"]
    ours, theirs = (f"{seconds:.3g}" for seconds in solved["median_seconds"])
    envs = ", ".join(row["env"].removesuffix("-v1").removesuffix("-v3") for row in own)
    return [
        (
            f"training speed beside Stable-Baselines3, same net: {envs}",
            f"{ratios(own)} times; with their plain target {ratios(plain)}",
            "≥ " + ", ".join(f"{row['bar']:g}" for row in own) + missed_speed(own, plain),
        ),
        (
            f"CartPole to solved, whole process, beside its tuned preset, {solved['seeds']} seeds",
            f"{ours} s and {theirs} s: {solved['ratio']:.1f} times sooner",
            f"≥ {solved['bar']:g}" + ("" if solved["ratio"] >= solved["bar"] else " (missed)"),
        ),
    ]


def ratios(rows: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{row['ratio']:.2f}" for row in rows)


def missed_speed(*parts: list[dict[str, Any]]) -> str:
    return missed([{"met": row["ratio"] >= row["bar"]} for rows in parts for row in rows])


# -- drl check-gradients --------------------------------------------------------------------------
def gradients() -> Line:
    return (
        "derivatives against differences and autograd, largest relative error",
        "`drl check-gradients` prints it, and fails above",
        ", ".join(f"{BARS[name]:.0e}".replace("e-0", "e-") for name in ("differences", "autograd")),
    )


# -- numbers --------------------------------------------------------------------------------------
def number(x: float, row: dict[str, Any], form: str = "") -> str:
    unit = " %" if row.get("unit") == "%" else ""
    form = form or f"{{:.{row.get('digits', 1)}f}}"
    return form.format(x).replace("-", "−") + unit


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def missed(bars: Sequence[dict[str, Any]]) -> str:
    short = sum(not bar["met"] for bar in bars)
    return f" ({short} of {len(bars)} missed)" if short else ""


def put(page: str, part: str) -> str:
    """The page with the part between its marks.  ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has not the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


PAGES: dict[str, Callable[[], str]] = {"README.md": table, "docs/tensorboard.md": log_table}


def write() -> None:
    for name, made in PAGES.items():
        path = HERE.parent / name
        path.write_text(put(path.read_text(encoding="utf-8"), made()), encoding="utf-8")


if __name__ == "__main__":
    write()
