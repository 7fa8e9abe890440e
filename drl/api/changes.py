"""Settings of a run that goes on: which may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import job
from drl.api.choose import on_top
from drl.api.find import recorded_agent
from drl.api.parts import require_no_effectless
from drl.display.console import Console
from drl.errors import UserError
from drl.log.writers import before_run
from drl.settings import plain
from drl.tables import TASKS

FIXED = {  # of every training in environments
    "seed": "everything random follows from it",
    "num_envs": "the episodes under way are in so many environments",
    "dtype": "the network in the checkpoint is of it",
    "channels": "the network in the checkpoint has learnt from them as they were",
    "backend": "another library rounds otherwise",
}


def changed(
    settings: Mapping[str, Any], changes: Mapping[str, Any], console: Console,
    agent: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """A run's settings with some of them changed.

    agent  of the user's own, where no file holds it

    UserError where one cannot be changed (it says why), is unknown, has a value that cannot be, or
    needs a package that is not here.
    """
    if settings["job"] in TASKS:
        raise UserError(
            f"{', '.join(changes)} cannot change in a run of {settings['job']} that goes on: its "
            "schedule is that of the whole training; train anew"
        )
    row = recorded_agent(settings["job"], console, agent)
    fixed = FIXED | dict(row.fixed)
    for name in changes:
        if name in fixed:
            raise UserError(f"`{name}` cannot change in a run that goes on: {fixed[name]}")
    require_no_effectless(row, settings, changes)
    config, experiment = on_top(row, *job.configs(row, settings), changes)
    before_run(experiment.log, experiment.log_to)
    found = plain(experiment) | {"log_every": experiment.logged_every} | plain(config)
    return dict(settings) | found
