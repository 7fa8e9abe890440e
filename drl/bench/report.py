"""`drl bench --all`: each benchmark as a process of its own, and what they found as a page.

DIR/figures.json  all figures
DIR/bars.png      each bar and how far the figure is from it
DIR/RESULTS.md    the part between the two marks below is restarted; the rest of the page stays
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from drl.bench import Name
from drl.bench.process import drl
from drl.bench.result import Bar, Result
from drl.display.console import Console
from drl.files import write_atomic

BEGIN, END = "<!-- drl bench --all: begin -->", "<!-- drl bench --all: end -->"
NAMES = tuple(name for name in get_args(Name) if name != "ablation")  # which takes far longer


def measure(
    directory: Path, quiet: bool = False, names: Sequence[str] = NAMES, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """Run them one after another, print what each found, and write the page.

    flags  to all of them
    One that fails is named, and the rest runs.
    """
    console = Console(quiet)
    results, failed = [], []
    for name in names:
        start = time.perf_counter()
        try:
            result = Result.from_json(drl("bench", name, *flags))
        except subprocess.CalledProcessError:
            failed.append(name)
            console.warn(f"drl bench {name} failed")
            continue
        results.append(result)
        console.print(f"{name}, {time.perf_counter() - start:.0f} s\n{result.text()}\n")
    directory.mkdir(parents=True, exist_ok=True)
    figures = [result.json() for result in results]
    write_atomic(directory / "figures.json", json.dumps(figures, indent=1).encode())
    image = plot(results, directory / "bars.png")
    page = directory / "RESULTS.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Results\n"
    write_atomic(page, put(text, markdown(results, failed, image)).encode())
    console.print(f"the page: {page}" + ("" if image else " (no matplotlib, no plot)"))
    return {"bench": "all", "results": figures, "failed": failed}


def put(page: str, part: str) -> str:
    """The page with the part in place of what is between its marks; below all where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not begin:
        before, after = page.rstrip() + "\n\n", "\n"
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def markdown(results: Sequence[Result], failed: Sequence[str], image: bool) -> str:
    bars = [bar for result in results for bar in result.bars]
    lines = [
        "## Every benchmark in one run",
        "",
        f"`make bench`, {datetime.date.today()}: {os.cpu_count()} cores, numpy {version('numpy')}, "
        f"torch {version('torch')}; one thread each.  Written by `drl bench --all`; the figures: "
        f"`benchmarks/figures.json`.  Bars met: {sum(bar.met for bar in bars)} of {len(bars)}.",
        "",
    ]
    if image:
        lines += ["![Each bar, and how far from it the figure is](bars.png)", ""]
    for result in results:
        lines += [f"### {result.bench}", "", result.markdown(), ""]
    if failed:
        lines += [f"Failed: {', '.join(failed)}.", ""]
    return "\n".join(lines)


def headroom(bar: Bar) -> float:
    """How many times better than asked for; under 1: missed."""
    return bar.measured / bar.bar if bar.at_least else bar.bar / bar.measured


def plot(results: Sequence[Result], out: Path) -> bool:
    """A line per bar from 1, what was asked for, to what was measured.  False: no matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return False
    bars = [(result.bench, bar) for result in results for bar in result.bars]
    figure = Figure(figsize=(9, 1 + 0.28 * len(bars)), layout="constrained")
    ax = figure.subplots()
    for y, (_, bar) in enumerate(bars):
        color = "C0" if bar.met else "C3"
        ax.plot([1, headroom(bar)], [y, y], color=color, linewidth=2)
        ax.plot(headroom(bar), y, "o" if bar.met else "x", color=color)
    ax.set_yticks(range(len(bars)), [f"{bench}: {bar.what}" for bench, bar in bars])
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set(xscale="log", xlabel="times better than asked for (o met, × missed)")
    ax.grid(axis="x", alpha=0.3)
    ax.invert_yaxis()
    figure.savefig(out, dpi=110)
    return True
