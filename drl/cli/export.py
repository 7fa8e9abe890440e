"""`drl export RUN`: the network as a file that needs nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


@dataclass(frozen=True)
class Config:
    """Write a network for another program: numpy, torch or ONNX; see docs/export.md."""

    run: tyro.conf.Positional[Path]
    """Directory of the run, a policy's file, or a checkpoint of a run."""
    out: Path
    """File to write; one that exists is refused."""
    format_: Annotated[Literal["npz", "torch", "onnx"] | None, tyro.conf.arg(name="format")] = None
    """npz: arrays, for numpy; torch: a state_dict; onnx: opset 17, for any runtime; none: by the
    file's name (.npz, .pt, .onnx)."""
    policy: Literal["best", "last"] = "best"
    """Of an agent: of the best evaluation, or of the last checkpoint."""
    data: Path | None = None
    """Of a classifier that was trained on arrays from Python: a .npz file with them, x and y."""
    force: bool = False
    """Overwrite the file if it is there."""
    json: bool = False
    """Print the result as one JSON object on the last line."""


def run(config: Config) -> dict[str, Any]:
    """Write the file, print the code that reads it, and give both."""
    from drl.api.export import format_of
    from drl.api.runs import opened
    from drl.cli.console import CommandConsole
    from drl.display.console import Console
    from drl.tables import TASKS

    console = CommandConsole(quiet=config.json)
    form = format_of(config.out, config.format_)
    found = opened(config.run, console)
    done = found.export(config.out, form, config.policy, config.force, config.data)
    net = done.net
    for line in done.told:
        console.print(line)
    console.print(f"{config.out}: {net.size:,} parameters, {done.size:,} bytes; it is read by\n")
    Console(quiet=config.json).print(done.code)  # names in it are no flags
    return {
        "out": str(config.out),
        "format": form,
        "policy": "last" if found.job in TASKS else found.named(config.policy),
        "input_shape": list(net.input_shape),
        "outputs": net.output_shapes[-1][0],
        "parameters": net.size,
        "bytes": done.size,
        **{
            name: done.about[name] for name in ("observation", "action_space") if name in done.about
        },
        "code": done.code,
    }
