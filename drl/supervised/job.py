"""A supervised training from its settings: new, and back from a run's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drl.display.commands import command
from drl.errors import UserError
from drl.experiment.cadence import Cadence, EverySeconds, EverySteps
from drl.experiment.run import Run
from drl.settings import plain
from drl.state import seed_shared
from drl.supervised.config import DigitsConfig
from drl.supervised.data import NAMES, Dataset, given, load
from drl.supervised.pictures import Pictures
from drl.supervised.presets import Preset
from drl.supervised.task import SupervisedTask

OWN = ("model", "seed", "log", "log_to", "checkpoint_every", "backend", "dtype", "device")


def new(config: DigitsConfig, data: Dataset | None = None) -> tuple[SupervisedTask, dict[str, Any]]:
    """The task of a new run, and its settings as JSON: a run is repeated, not looked up again.

    data  the user's own arrays; none: what `config.data` names
    """
    own = plain(config)
    settings = {"job": "digits", **{name: own[name] for name in OWN}}
    if data is None:
        data = load(config.data, config.data_dir, config.seed)
        named = config.data in NAMES
        settings["data"] = config.data if named else str(Path(config.data).resolve())
        settings["data_dir"] = str(config.data_dir.resolve()) if config.data_dir else None
    else:
        settings |= {"data": data.name, "data_dir": None, "recorded": False}
    settings |= config.preset(data).settings()
    return _task(settings, data), settings


def restore(settings: Mapping[str, Any], data: Any = None) -> SupervisedTask:
    """The task of a run, as it was at its start.

    data  in place of what the settings name: arrays (x, y), a file of them, or a Dataset

    UserError where the settings are damaged, or name no data that could be read again.
    """
    checked = check_settings(settings)
    if data is None and settings.get("recorded") is False:
        raise UserError(
            "the run was trained on arrays of your own: give them again as `data`, a .npz file "
            "with x and y, or from Python data=(x, y)"
        )
    own = given(data, checked.seed)
    return _task(settings, own or load(checked.data, checked.data_dir, checked.seed))


def check_settings(settings: Mapping[str, Any]) -> DigitsConfig:
    """UserError unless they are what `new` has given."""
    settings = {"log_to": ["tensorboard"]} | dict(settings)
    for name in ("data", "data_dir", *OWN):
        if name not in settings:
            raise UserError(f"the settings lack {name!r}: are they of another version?")
    data_dir = settings["data_dir"]
    config = DigitsConfig(
        data=settings["data"],
        data_dir=Path(data_dir) if isinstance(data_dir, str) else data_dir,
        **{name: settings[name] for name in OWN},
    )
    Preset.from_settings(settings)
    return config


def cadences(settings: Mapping[str, Any]) -> tuple[Cadence, Cadence]:
    """Of points of the curves, which each report is, and of checkpoints."""
    return EverySteps(1), EverySeconds(settings["checkpoint_every"])


def goal_of(run: Run, task: SupervisedTask, steps: int | None) -> int:
    """Updates of the whole training.   UserError where all are made, a callback has finished it, or
    `steps` are asked for."""
    if steps is not None:
        raise UserError("`steps` counts env steps of an agent; a digits run has its epochs")
    if run.finished and (task.finished(task.goal) or run.stopped_by is not None):
        why = f"all {task.preset.epochs} epochs done"
        if run.stopped_by is not None:
            why = f"stopped by {run.stopped_by} after {task.step:,} updates"
        raise UserError(
            f"{run.directory} is finished ({why}): see its score: "
            + command("evaluate", run.directory)
        )
    return task.goal


def _task(settings: Mapping[str, Any], data: Dataset) -> SupervisedTask:
    seed_shared(settings["seed"])  # whatever a callback may draw; nothing of ours does
    machine = settings["backend"], settings["dtype"], settings["device"]
    preset = Preset.from_settings(settings)
    return SupervisedTask(data, preset, settings["model"], settings["seed"], *machine, Pictures)
