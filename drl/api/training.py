"""`train`: an agent or a classifier in one call, with all that the command has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drl.api.choose import choose
from drl.api.console import console_of
from drl.api.find import find_agent
from drl.api.parts import networks, require_no_effectless, resolved
from drl.api.plan import Plan, Result, announce, begin, loader
from drl.api.rejoin import rejoin
from drl.api.weights import init_from as begin_with
from drl.api.wrapped import settings_of, statistics_lines
from drl.errors import UserError
from drl.experiment.callbacks import Callback, require_callbacks
from drl.experiment.run_files import require_place
from drl.nearest import did_you_mean
from drl.state import shared_generators_kept
from drl.tables import TASKS


def train(
    agent: Any, env: Any = None, config: Any = None, *, run: str | Path | None = None,
    seed: int | None = None, steps: int | None = None, callbacks: Sequence[Callback] = (),
    progress: bool = True, parts: Any = None, experiment: Any = None,
    env_kwargs: dict[str, Any] | None = None, wrappers: Sequence[Any] = (),
    init_from: str | Path | None = None, resume_or_start: bool = False, **settings: Any,
) -> Result:  # fmt: skip
    """Learn an environment, or to classify, until solved or out of steps.

    agent       "dqn"; an agent of your own: a module, class or object with Config and build, or
                "my_agent.py", "my_agent.py:Name"; "digits" classifies
    env         an id, a Gymnasium class, a function or a partial that makes one, an instance, a
                vector class of ours; for digits a data set's name, or arrays (x, y)
    config      the agent's settings, complete; none: the preset of the environment, or defaults
    run         directory to keep everything in: curves, checkpoints, the best policy; none: nothing
                is written
    seed        of everything random: the same seed gives the same bytes, and those of
                `drl train --seed`, whatever has run before in this process; the generators that a
                process shares (random, numpy's, torch's) are afterwards as they were; none: that of
                `experiment`, else 1
    steps       env steps to train for, in place of those of the preset or `experiment`
    callbacks   called as training goes on (drl.Callback); False from one finishes the run
    progress    show what the command shows
    parts       of the agent, of your own: agents.Parts(net=…), PPOParts(…) …, each an object or its
                name ("my_nets.py:wide"); what has a name is recorded
    experiment  agents.ExperimentConfig, complete: budget, evaluations, log, machine
    env_kwargs  for the constructor of the environment
    wrappers    classes, or "module:Class", around each environment, in this order
    init_from   a run or a policy file whose weights the agent begins with
    resume_or_start  where `run` is there already, go on with it; what is finished is given back
    settings    by name, on top: lr=1e-4, num_envs=4, eval_every=1000, log_to=("csv",); where
                only one end of a value that falls is given (lr, not lr_end) the other stays as it
                is, unless the value would rise by it: then it is the same

    Ctrl-C ends training; the result is what was learnt until then (result.interrupted).

    UserError where environment and settings do not fit, or a number is NaN or Inf; agents.EnvFailed
    where an environment cannot be played any more: its `result` is what was learnt until then.
    """
    require_callbacks(callbacks)
    if resume_or_start and run is None:
        raise UserError("resume_or_start goes on with a run: name its directory by `run`")
    console, directory = console_of(progress), None if run is None else Path(run)
    if directory is not None and not (resume_or_start and (directory / "config.json").is_file()):
        require_place(directory)
    with shared_generators_kept():  # an environment may draw from them: seeded, and given back
        changes = settings | stated(seed=seed, steps=steps)
        plan = plan_of(
            agent, env, config, changes, parts=parts, experiment=experiment,
            env_kwargs=env_kwargs, wrappers=wrappers, init_from=init_from,
        )  # fmt: skip
        if resume_or_start and directory is not None:
            found = rejoin(directory, plan, console, callbacks)
            if found is not None:
                return found
        announce(plan, console, directory is not None)
        return begin(plan, console, directory, callbacks)


def stated(**settings: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def plan_of(agent: Any, env: Any, config: Any, changes: dict[str, Any], **own: Any) -> Plan:
    """An agent in an environment, or a classifier (`env` is its data).

    own  what `plan_rl` takes besides

    UserError where they do not fit, or a classifier is given what only an agent has.
    """
    if not (isinstance(agent, str) and agent in TASKS):
        return plan_rl(agent, env, config, changes=changes, **own)
    for name, value in own.items():
        if value is not None and value != ():
            raise UserError(f"{agent} has no environment and no {name}: leave it out")
    return plan_supervised(env, config, changes)


def plan_rl(
    agent: Any, env: Any, config: Any = None, experiment: Any = None,
    changes: dict[str, Any] | None = None, parts: Any = None,
    env_kwargs: dict[str, Any] | None = None, wrappers: Sequence[Any] = (),
    init_from: str | Path | None = None, chosen_all: bool | None = None,
) -> Plan:  # fmt: skip
    """An agent in an environment.

    chosen_all  whether the user has chosen every setting of the agent; none: where config is given

    UserError where they do not fit.
    """
    from agents import job
    from drl.named import importing
    from envs.sources import source

    if (file := importing()) is not None:
        raise UserError(
            f"{file} trains while it is imported for a run that names it: put its training "
            "behind `if __name__ == '__main__':`"
        )
    if env is None:
        raise UserError("train what? give an environment: train('dqn', 'CartPole-v1')")
    row, made_by = find_agent(agent), source(env, env_kwargs, wrappers)
    if made_by.single:
        changes = {"num_envs": 1, "eval_envs": 0, **(changes or {})}
    chosen = choose(row, made_by.id, config, experiment, changes)
    made_by = made_by.seen(chosen.experiment.channels)
    names = None
    if parts is not None:
        parts, names = resolved(row, parts)
        require_no_effectless(row, {"parts": names}, changes or {})
    found = job.new(row, *chosen, made_by, made_by.record, parts, names)
    lines, own, load = list(found.lines), found.settings, loader(row, parts)
    if init_from is not None:
        where = str(Path(init_from).resolve())
        try:
            crc32 = begin_with(found.task, where, networks(parts))
        except BaseException:
            found.task.close()
            raise
        own |= {"init_from": where, "init_from_crc32": crc32}
    if row.preset(made_by.id) is None and not (config if chosen_all is None else chosen_all):
        lines.insert(0, f"no preset for {made_by.id}: defaults")
    given: dict[str, Any] = {"parts": parts} if parts is not None else {}
    if made_by.record is None:
        given["env"] = made_by
    if not isinstance(agent, str):  # it may be in no file
        given["agent"] = agent
    steps, goal = chosen.experiment.steps, found.task.goal
    if goal != steps:
        lines.append(f"{steps:,} env steps are rounded up to whole rollouts: {goal:,}")
    warnings = found.warnings + statistics_lines(found.task.envs, settings_of(*chosen))
    return Plan(found.task, own, goal, lines, warnings, load, given)


def plan_supervised(data: Any, config: Any, changes: dict[str, Any]) -> Plan:
    """A classifier.   data: a name, arrays (x, y), a Dataset; none: the 8×8 digits."""
    from drl.supervised import job
    from drl.supervised.config import DigitsConfig
    from drl.supervised.data import given

    known = list(DigitsConfig.__dataclass_fields__)
    for name in changes:
        if name not in known:
            raise UserError(f"digits has no setting {name!r}{did_you_mean(name, known)}")
    config = DigitsConfig() if config is None else config
    config = replace(config, **changes)
    if data is None or isinstance(data, str | Path):
        config = config if data is None else replace(config, data=str(data))
        task, settings = job.new(config)
        return Plan(task, settings, task.goal)
    task, settings = job.new(config, given(data, config.seed))
    return Plan(task, settings, task.goal, given={"data": data})
