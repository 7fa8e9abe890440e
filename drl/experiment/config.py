"""Settings that every run has, whatever it learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drl.log.writers import Writer, check_writers, default_writers
from drl.settings import require
from drl.typed import check_types


@dataclass(frozen=True)
class RunConfig:
    """How a run is seeded, logged and computed.   UserError on values that cannot be."""

    # -- run -------------------------------------------------------------------------------------
    seed: int = 1
    """Seed of everything random: same seed, same machine, same run."""

    # -- curves, checkpoints, output -------------------------------------------------------------
    log: Literal["full", "minimal", "none"] = "full"
    """What is logged: full adds histograms and images, minimal keeps the curves."""
    log_to: tuple[Writer, ...] = field(default_factory=default_writers)
    """Where: tensorboard (event files), csv (progress.csv), jsonl (progress.jsonl), monitor
    (monitor.csv, as Stable-Baselines3's), wandb, trackio; several, side by side."""

    # -- machine ---------------------------------------------------------------------------------
    backend: Literal["auto", "numpy", "torch"] = "auto"
    """Array library; auto: numpy for small networks, torch for wide ones and large
    convolutions."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the network."""
    device: str = "cpu"
    """cpu, or cuda (torch)."""

    def __post_init__(self) -> None:
        check_types(self)
        check_writers(self.log_to)
        require("seed", self.seed, self.seed >= 0, "0 or more")
