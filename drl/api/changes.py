"""Settings of a run that goes on: which may change, and where it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from agents import job
from agents.config import ExperimentConfig
from drl.api.find import recorded_agent
from drl.display.console import Console
from drl.errors import UserError
from drl.settings import plain
from drl.tables import TASKS

FIXED = {  # of every training in environments
    "seed": "everything random follows from it",
    "num_envs": "the episodes under way are in so many environments",
    "dtype": "the network in the checkpoint is of it",
    "backend": "another library rounds otherwise",
}


def changed(
    settings: Mapping[str, Any], changes: Mapping[str, Any], console: Console,
    agent: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """A run's settings with some of them changed.

    agent  of the user's own, where no file holds it

    UserError where one cannot be changed (it says why), is unknown, or has a value that cannot be.
    """
    if settings["job"] in TASKS:
        raise UserError(
            f"{', '.join(changes)} cannot change in a run of {settings['job']} that goes on: its "
            "schedule is that of the whole training; train anew"
        )
    row = recorded_agent(settings["job"], console, agent)
    config, experiment = job.configs(row, settings)
    fixed = FIXED | dict(row.fixed)
    mine = {f.name for f in fields(config)}
    its = {f.name for f in fields(ExperimentConfig)}
    for name in changes:
        if name in fixed:
            raise UserError(f"`{name}` cannot change in a run that goes on: {fixed[name]}")
        if name not in mine | its:
            raise UserError(f"{row.name} has no setting {name!r}")
    config = replace(config, **{n: v for n, v in changes.items() if n in mine})
    experiment = replace(experiment, **{n: v for n, v in changes.items() if n in its})
    return dict(settings) | plain(experiment) | plain(config)
