"""Settings of a supervised training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drl.errors import UserError
from drl.experiment.config import RunConfig
from drl.settings import require
from drl.supervised.data import Dataset
from drl.supervised.presets import Model, Preset, preset


@dataclass(frozen=True)
class DigitsConfig(RunConfig):
    """A model, its data, and what is to replace the preset's settings.

    UserError on values that cannot be.
    """

    # -- model and data --------------------------------------------------------------------------
    model: Model = "mlp"
    """logistic: no hidden layer; mlp: hidden layers; conv: shared weights in front."""
    data: str = "digits"
    """digits (1,797 of 8×8, comes with the package), mnist (70,000 of 28×28), a directory with
    four IDX files named like MNIST's, or a .npz file with your own arrays x and y."""
    data_dir: Path | None = None
    """Where mnist is, or is downloaded to; none: $DRL_DATA, else the user's cache."""

    # -- training --------------------------------------------------------------------------------
    epochs: int | None = None
    """Passes over the training images; none: the preset's."""
    batch_size: int | None = None
    """Images per update; none: the preset's."""
    lr: float | None = None
    """Learning rate at the start (it falls to 0); none: the preset's."""
    hidden: tuple[int, ...] | None = None
    """Neurons of each hidden layer; none: the preset's."""

    # -- curves, checkpoints, output -------------------------------------------------------------
    checkpoint_every: float = 5.0
    """Seconds between two checkpoints, which are taken at the ends of epochs; 0: at every end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        every = self.checkpoint_every
        require("checkpoint_every", every, every >= 0, "0 seconds or more")
        if self.model == "logistic" and self.hidden:
            raise UserError(
                "`hidden` with `model=logistic`: it has no hidden layer; take `model=mlp`"
            )
        Preset(**({"epochs": 1, "batch_size": 1, "lr": 1.0} | self.asked()))  # says what is wrong

    def asked(self) -> dict[str, Any]:
        """What is to replace the preset's own."""
        values = {name: getattr(self, name) for name in ("epochs", "batch_size", "lr", "hidden")}
        return {name: value for name, value in values.items() if value is not None}

    def preset(self, data: Dataset) -> Preset:
        """The model's preset for such images, with what was asked for in its place."""
        return replace(preset(self.model, data.image_shape), **self.asked())
