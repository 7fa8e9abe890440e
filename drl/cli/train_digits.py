"""`drl train digits`: the same network as a classifier."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drl.display.commands import command
from drl.errors import UserError
from drl.experiment.run_files import MOST_SEEDS
from drl.log.writers import (
    Writer,
    before_run,
    check_writers,
    default_writers,
    writers_of,
)
from drl.supervised.presets import Model, Preset, preset
from drl.typed import check_types

if TYPE_CHECKING:
    from drl.display.console import Console
    from drl.experiment.run import Run
    from drl.supervised.data import Dataset


OWN = ("model", "seed", "log", "log_to", "checkpoint_every", "backend", "dtype", "device")


@dataclass(frozen=True)
class Config:
    """Learn to classify handwritten digits.

    Each model has a tuned preset for small (8×8) and large images; no other flag is needed.
    """

    # -- run -------------------------------------------------------------------------------------
    model: Model = "mlp"
    """logistic: no hidden layer; mlp: hidden layers; conv: shared weights in front."""
    data: str = "digits"
    """digits (1,797 of 8×8, comes with the package), mnist (70,000 of 28×28), or a directory with
    four IDX files named like MNIST's."""
    data_dir: Path | None = None
    """Where mnist is, or is downloaded to; none: $DRL_DATA, else the user's cache."""
    seed: int = 1
    """Seed of everything random, also of the split of digits: same seed, same machine, same run."""
    seeds: int = 1
    """Runs, with seeds from --seed on, side by side on the cores there are."""
    run: Path | None = None
    """Directory of the run, or with --seeds of the runs; none: runs/digits-<data>-<seed>-<time>."""

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
    log: Literal["full", "minimal", "none"] = "full"
    """What is logged: full adds histograms, images and PR curves, minimal keeps the curves."""
    log_to: tuple[Writer, ...] = field(default_factory=default_writers)
    """Where: tensorboard (event files), csv (progress.csv), jsonl (progress.jsonl), monitor
    (monitor.csv, as Stable-Baselines3's), wandb, trackio; several, side by side."""
    checkpoint_every: float = 5.0
    """Seconds between two checkpoints, which are taken at the ends of epochs; 0: at every end."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    # -- machine ---------------------------------------------------------------------------------
    backend: Literal["auto", "numpy", "torch"] = "auto"
    """Array library; auto: numpy for small networks, torch for wide or convolutional ones."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the network."""
    device: str = "cpu"
    """cpu, or cuda (torch)."""

    def __post_init__(self) -> None:
        check_types(self)
        check_writers(self.log_to)
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is not possible: give 0 or more")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UserError(f"--seeds {self.seeds} is not possible: give 1 to {MOST_SEEDS:,}")
        if not self.checkpoint_every >= 0:
            raise UserError(f"--checkpoint-every {self.checkpoint_every} s: give 0 or more")
        if self.model == "logistic" and self.hidden:
            raise UserError("--hidden with --model logistic: it has no hidden layer; take mlp")
        Preset(
            **({"epochs": 1, "batch_size": 1, "lr": 1.0} | self.asked())
        )  # says what is not right

    def asked(self) -> dict[str, Any]:
        """What is to replace the preset's own."""
        values = {name: getattr(self, name) for name in ("epochs", "batch_size", "lr", "hidden")}
        return {name: value for name, value in values.items() if value is not None}

    def preset(self, data: Dataset) -> Preset:
        """The model's preset for such images, with what was asked for in its place."""
        return replace(preset(self.model, data.image_shape), **self.asked())

    def settings(self, data: Dataset) -> dict[str, Any]:
        """The flat JSON form that a run directory keeps: a run is repeated, not looked up again."""
        from drl.supervised.data import NAMES

        own = {name: getattr(self, name) for name in OWN}
        own["log_to"] = list(self.log_to)
        own["data"] = self.data if self.data in NAMES else str(Path(self.data).resolve())
        own["data_dir"] = str(self.data_dir.resolve()) if self.data_dir else None
        return {"job": "digits"} | own | self.preset(data).settings()


def check_settings(settings: dict[str, Any]) -> None:
    """UserError unless they are what `Config.settings` has given."""
    settings = settings | {"log_to": writers_of(settings)}
    for name in ("data", "data_dir", *OWN):
        if name not in settings:
            raise UserError(f"the settings lack {name!r}: are they of another version?")
    data_dir = settings["data_dir"]
    Config(
        data=settings["data"],
        data_dir=Path(data_dir) if isinstance(data_dir, str) else data_dir,
        **{name: settings[name] for name in OWN},
    )
    Preset.from_settings(settings)


def run(config: Config) -> dict[str, Any]:
    """Train, and give the summary."""
    from drl.cli.digits_job import DigitsJob
    from drl.display.console import Console
    from drl.experiment.run import Run
    from drl.experiment.run_files import claim_directory
    from drl.supervised.data import load

    data = load(config.data, config.data_dir, config.seed)
    settings = config.settings(data)
    job = DigitsJob(settings, data)  # what can be wrong shows before a file is made
    console = Console(quiet=config.json)
    for line in before_run(config.log, config.log_to):
        console.print(line)
    if config.seeds > 1:
        from drl.cli.seeds import train

        return train(config.run, data.name, settings, config.seeds, quiet=config.json)
    directory = config.run or claim_directory("digits", data.name, config.seed)
    with Run.create(directory, settings) as run:
        return job.go(run, console)


def resume(run: Run, console: Console) -> dict[str, Any]:
    """Go on from the run's last checkpoint, and give the summary.  UserError if it is finished."""
    from drl.cli.digits_job import DigitsJob

    if not run.has_checkpoint:
        return DigitsJob.fresh(run).go(run, console)
    job = DigitsJob.of(run)
    if job.finished(run):
        raise UserError(
            f"{run.directory} is finished: all {job.preset.epochs} epochs done; see its score: "
            + command("evaluate", run.directory)
        )
    return job.go(run, console, resumed=True)


def evaluate(run: Run, quiet: bool = False) -> dict[str, Any]:
    """Score the run's last checkpoint on the test images."""
    from drl.cli.digits_job import DigitsJob

    return DigitsJob.of(run).score(quiet)
