"""Learning curves over seeds, as an image."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drl.display.streams import one_line
from drl.errors import UserError
from drl.experiment.output import write_out
from drl.experiment.results import Group
from drl.statistics import bootstrap_interval, interquartile_mean
from drl.tables import job_of

Drawn = tuple[Group, np.ndarray, np.ndarray]  # steps (T,), values (runs, T)


class Panel(NamedTuple):
    """What belongs into one: environment or data set, unit of the steps, the curve."""

    what: str
    unit: str
    curve: str


def _panel(g: Group) -> Panel:
    return Panel(g.what, job_of(g.job).unit, job_of(g.job).curve)


def plot(groups: list[Group], out: Path) -> None:
    """A panel for each environment or data set; a line for each group: IQM, band: its 95 %
    interval.

    UserError if no run has a curve, or the file cannot be written.
    """
    from matplotlib import rc_context

    drawn = [(g, *g.curves()) for g in groups]
    drawn = [(g, steps, values) for g, steps, values in drawn if len(steps)]
    if not drawn:
        raise UserError("no run has a learning curve: train with `log=minimal` or full")
    panels = list(dict.fromkeys(map(_panel, (g for g, _, _ in drawn))))
    with rc_context({"text.parse_math": False}):  # a dollar in a setting is a dollar
        image = _drawn(panels, drawn, out.suffix[1:])
    write_out(out, image)


def _drawn(panels: list[Panel], drawn: list[Drawn], form: str) -> bytes:
    """The file's content."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7 * len(panels), 4.5), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, panel in zip(axes, panels, strict=True):
        for g, steps, values in drawn:
            if _panel(g) != panel:
                continue
            label = f" {one_line(g.name)} ({len(values)} run{'s' * (len(values) > 1)})"
            (line,) = ax.plot(steps, interquartile_mean(values.T), label=label, marker=".")
            if len(values) > 1:
                band = np.array([bootstrap_interval(at_step) for at_step in values.T])
                ax.fill_between(steps, *band.T, alpha=0.2, color=line.get_color(), linewidth=0)
        ax.set(
            title=one_line(panel.what),
            xlabel=panel.unit,
            ylabel=f"{panel.curve} (IQM, 95 % interval)",
        )
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a box stands for it
        figure.savefig(file, format=form, dpi=150)
    return file.getvalue()
