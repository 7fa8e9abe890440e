"""Weights & Biases, or another package with its calls (`init`, `log`, `finish`): Trackio.

A service of somebody else's: it is asked for by name (`--log-to wandb`), never otherwise.  Without
an account and a network: WANDB_MODE=offline.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.log.logger import Logger, Opening


class Dashboard(Logger):
    """A run of `package`, named like its directory; going on with a run goes on with its curves.

    settings  shown as the run's config

    UserError where the package is not installed, or will not begin.
    """

    def __init__(self, package: str, directory: Path, settings: Mapping[str, Any]) -> None:
        try:
            self.package: Any = importlib.import_module(package)
        except ImportError as error:
            raise UserError(
                f"`log_to` {package} needs a package that is not here: pip install {package}"
            ) from error
        directory = Path(directory).resolve()
        own: dict[str, Any] = {"name": directory.name, "config": dict(settings)}
        if package == "wandb":
            own |= {"dir": str(directory), "id": _identity(directory), "resume": "allow"}
        try:
            self.run: Any = self.package.init(project="drl-toolkit", **own)
        except Exception as error:
            raise UserError(
                f"{package} did not begin ({type(error).__name__}: {error}): log in, set "
                f"{package.upper()}_MODE=offline, or leave it out of `log_to`"
            ) from error

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._log(dict(values), step)

    def histogram(self, tag: str, values: Any, step: int) -> None:
        if hasattr(self.package, "Histogram"):
            finite = np.asarray(values, np.float64).ravel()
            finite = finite[np.isfinite(finite)]
            if len(finite):
                self._log({tag: self.package.Histogram(finite)}, step)

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        if hasattr(self.package, "Image"):
            self._log({tag: self.package.Image(pixels)}, step)

    def close(self) -> None:
        self._told(self.package.finish)

    def _log(self, values: dict[str, Any], step: int) -> None:
        self._told(lambda: self.package.log(values, step=step))

    def _told(self, call: Any) -> None:
        """Somebody else's code and network: what they raise is said once."""
        try:
            call()
        except Exception as error:
            if not self.said:
                text = f"{type(error).__name__}: {error}"
                print(f"drl: {self.package.__name__}: {text}", file=sys.stderr, flush=True)
            self.said = True


def open_logger(told: Opening) -> Dashboard:
    """Of a run."""
    return Dashboard(told.name, told.directory, told.settings)


def last_step(directory: Path) -> float:
    """0: what it has is kept elsewhere."""
    return 0


def _identity(directory: Path) -> str:
    """The same for the same directory, so that a resumed run goes on with its curves."""
    import hashlib

    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
