"""A run goes on exactly where its last checkpoint stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drl.api.changes import changed
from drl.api.device import require_device
from drl.api.plan import Plan, Result, conclude, experiment_of, loader
from drl.display.console import Console
from drl.experiment.callbacks import Callback, require_callbacks
from drl.experiment.run import Run
from drl.tables import TASKS, job_module


def go_on(
    run: Run, console: Console, steps: int | None = None, device: str | None = None,
    callbacks: Sequence[Callback] = (), env: Any = None, data: Any = None, parts: Any = None,
    agent: Any = None, changes: Mapping[str, Any] | None = None,
) -> Result:  # fmt: skip
    """From the last checkpoint, or from the start where the run was stopped before its first.

    run        open for writing
    steps      env steps in all, also where the run was solved before
    device     in place of the run's own
    callbacks  those that it was trained with: they get their state back
    env, data, parts, agent  of the user's own, where the run could not record them
    changes    settings that are others from now on (drl.api.changes)

    UserError if it is finished, its device is not here, or it lacks one of these.
    """
    require_callbacks(callbacks)
    run.device = device
    require_device(run)
    if not run.has_checkpoint:
        run.begin_anew()
    settings = changed(run.config, changes, console, agent) if changes else run.config
    plan = plan_of(settings, console, env, data, parts, agent, not run.has_checkpoint)
    try:
        experiment = experiment_of(plan, run, console, callbacks)
        if run.has_checkpoint:
            experiment.load_state(run.load_latest())
        goal = job_module(run.job).goal_of(run, plan.task, steps)
        if changes:
            device_of_run = {"device": run.document["settings"]["device"]}
            run.change_settings(settings | device_of_run, plan.task.step)
    except BaseException:
        plan.task.close()
        raise
    return conclude(experiment, goal, plan.load)


def plan_of(
    settings: Mapping[str, Any], console: Console, env: Any = None, data: Any = None,
    parts: Any = None, agent: Any = None, fresh: bool = False,
) -> Plan:  # fmt: skip
    """A run's task as it was at its start.

    fresh  it is trained from there, no checkpoint will be loaded

    UserError where it cannot be made again.
    """
    settings = dict(settings)
    if settings["job"] in TASKS:
        from drl.supervised import job

        task = job.restore(settings, data)
        return Plan(task, settings, task.goal)
    return _rl_plan(settings, console, env, parts, agent, fresh)


def _rl_plan(
    settings: dict[str, Any], console: Console, env: Any, parts: Any, agent: Any, fresh: bool
) -> Plan:
    """Of an agent in environments."""
    from agents import job
    from drl.api.env import source_of
    from drl.api.find import recorded_agent
    from drl.api.parts import networks, of_run
    from drl.api.weights import init_from

    row = recorded_agent(settings["job"], console, agent)
    _, experiment = job.configs(row, settings)
    parts = of_run(row, settings, console, parts)
    task = job.restore(row, settings, source_of(settings, console, env), parts)
    if fresh and settings.get("init_from") is not None:
        try:
            crc32 = settings.get("init_from_crc32")
            init_from(task, settings["init_from"], networks(parts), crc32)
        except BaseException:
            task.close()
            raise
    whole = settings | {"log_every": experiment.logged_every}
    return Plan(task, whole, task.goal, load=loader(row, parts))
