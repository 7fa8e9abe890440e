"""Runs that were trained on a device that may not be here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.run import Run
from drl.nn.ops import has_device


def use_device_that_is_here(run: Run, console: Console) -> None:
    """Where the run's device is not on this machine the processor computes, which is said."""
    with _named(run):
        if not has_device(device := str(run.config.get("device"))):
            console.warn(
                f"{run.directory} was trained on {device}, which is not here: computed on the "
                "processor"
            )
            run.device = "cpu"


def require_device(run: Run) -> None:
    """Before training goes on.   UserError where the run's device is not on this machine."""
    with _named(run):
        if not has_device(device := str(run.config.get("device"))):
            raise UserError(
                f"{run.directory} is trained on {device}, which is not here; on the processor: "
                + command("resume", run.directory, "--device", "cpu")
            )


@contextmanager
def _named(run: Run) -> Iterator[None]:
    """Errors say whose device it is."""
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{run.directory / 'config.json'}: {error}") from error
