"""`drl check-gradients`: every derivative against central differences and against autograd."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from drl.display.console import Console
from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Check each layer under each loss and each distribution of actions, on both array libraries
    and in both precisions.

    Every check is made while a second forward is open, for three batch sizes and numbers of
    outputs, and again with a gradient that has only the first rows of the batch.  Every size is 1
    once: batch, inputs, outputs, channels, filters, kernels, pixels.  Exit code 1 where a relative
    error is above 1e-6 against differences, 1e-10 against autograd, 1e-3 in float32.  Without torch
    numpy's derivatives alone, against differences alone.
    """

    seed: int = 0
    """Seed of the weights, inputs and targets, and of the points compared in large arrays."""
    json: bool = False
    """Print one JSON object instead of the table."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is not possible: give 0 or more")


def run(config: Config) -> int:
    """Print the table; 0 if every check passed, else 1."""
    from drl.bench.gradients import BARS, LIBRARIES, TORCH, cases, check

    console, results = Console(config.json), []
    if not TORCH:
        console.warn(
            "torch is not installed: its half and autograd are left out (pip install torch)"
        )
    lines = cases()
    with console.progress("rows", len(lines)) as progress:
        for case in lines:
            results.append(check(case, config.seed))
            progress.update(len(results), f"{case.layer}, {case.loss}")
    failed = sum(not result["pass"] for result in results)
    checks = sum(result["checks"] for result in results)
    worst = {bar: max(r[lib][bar] for r in results for lib in LIBRARIES) for bar in BARS}
    if config.json:
        print(json.dumps({"checks": checks, "failed": failed, "worst": worst, "rows": results}))
        return int(failed > 0)
    show(results)
    print(
        f"{checks:,} gradient arrays checked in {len(results)} rows; {failed or 'none'} failed; "
        + ", ".join(f"worst against {bar} {worst[bar]:.0e} (bar {BARS[bar]:.0e})" for bar in BARS)
    )
    return int(failed > 0)


# -- the table ----------------------------------------------------------------------------------
def show(results: list[dict[str, Any]]) -> None:
    """One line for each layer and loss."""
    from drl.bench.gradients import BARS, LIBRARIES

    columns = [(library, bar) for library in LIBRARIES for bar in BARS]
    heads = ["layer", "loss", *(f"{lib}: {bar}" for lib, bar in columns), "checks", "pass"]
    lines = [
        [r["layer"], r["loss"], *(f"{r[lib][bar]:.0e}" for lib, bar in columns)]
        + [str(r["checks"]), "yes" if r["pass"] else "NO"]
        for r in results
    ]
    if sys.stdout.isatty():
        from drl.display.terminal import Terminal, table

        shown = table(*heads, title="max relative error of the hand-written gradients")
        for line in lines:
            shown.add_row(*line, style=None if line[-1] == "yes" else "red")
        Terminal(sys.stdout).show(shown)
        return
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for line in (heads, *lines):
        print("  ".join(f"{text:<{w}}" for text, w in zip(line, widths, strict=True)).rstrip())
