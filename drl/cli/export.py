"""`drl export RUN`: the network as a file that needs nothing of ours."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Write a run's network for another program: numpy, torch or ONNX; see docs/export.md."""

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    out: Path
    """File to write; one that exists is refused."""
    format_: Annotated[Literal["npz", "torch", "onnx"], tyro.conf.arg(name="format")]
    """npz: arrays, for numpy; torch: a state_dict; onnx: opset 17, for any runtime."""
    policy: Literal["best", "last"] = "best"
    """DQN: the best checked parameters, or those of the last checkpoint."""
    force: bool = False
    """Overwrite the file if it is there."""
    json: bool = False
    """Print the result as one JSON object on the last line."""


def run(config: Config) -> dict[str, Any]:
    """Write the file, print the code that reads it, and give both."""
    from drl.cli.elsewhere import use_device_that_is_here
    from drl.cli.policy import load_network
    from drl.display.console import Console
    from drl.experiment.output import check_out, write_out
    from drl.experiment.run import Run

    check_out(config.out)
    if config.out.exists() and not config.force:
        raise UserError(f"{config.out} exists: give another --out, or --force to overwrite it")
    console = Console(quiet=config.json)
    with Run.open(config.run) as run:
        use_device_that_is_here(run, console)
        net = load_network(run, config.policy)
        settings = run.config
    what = settings["env"] if settings["job"] == "dqn" else settings["data"]
    about = {"job": settings["job"], "trained_on": what, "seed": settings["seed"]}

    form = importlib.import_module(f"drl.export.{config.format_}")
    content: bytes = form.encode(net, about)
    write_out(config.out, content)
    code: str = form.reader(net, config.out)
    console.print(f"{config.out}: {net.size:,} parameters, {len(content):,} bytes; it is read by\n")
    console.print(code)
    return {
        "out": str(config.out),
        "format": config.format_,
        "policy": config.policy if settings["job"] == "dqn" else "last",
        "input_shape": list(net.input_shape),
        "outputs": net.output_shapes[-1][0],
        "parameters": net.size,
        "bytes": len(content),
        "code": code,
    }
