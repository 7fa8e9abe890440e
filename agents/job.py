"""A training in environments from its settings: new, and back from a run's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from agents import schedule_ends
from agents.agent import require_agent
from agents.collapse import Collapse
from agents.config import ExperimentConfig
from agents.pictures import Pictures
from agents.repeats import Repeats
from agents.row import Row
from agents.setup import Setup
from agents.task import RLTask
from drl.closing import close
from drl.environment import EnvFactory, VectorEnv, encoder_of, goal_rules_of
from drl.errors import UserError
from drl.experiment.cadence import Cadence, EverySteps
from drl.experiment.callbacks import Callback
from drl.experiment.run import Run
from drl.nn.memory import require_room_for_envs
from drl.nn.ops import NotHere
from drl.rng import restart_seed, training_seed
from drl.settings import plain, read
from drl.spaces import to_json
from drl.state import seed_shared, seed_torch
from drl.tables import label

ADDED = {
    "log_to": ["tensorboard"],
    "env_workers": 0,
    "channels": None,
}  # settings that older runs lack


class Training(NamedTuple):
    """A task, and its settings as a run's config.json has them."""

    task: RLTask
    settings: dict[str, Any]
    lines: list[str]  # on what the settings left open
    warnings: list[str]


def new(
    row: Row, config: Any, experiment: ExperimentConfig, factory: EnvFactory,
    record: Mapping[str, Any] | None, parts: Any = None,
    names: Mapping[str, str | None] | None = None,
) -> Training:  # fmt: skip
    """A new training; what its settings leave open is derived, and kept in them.

    record  the environment as settings have it; None: nothing can name it
    parts   of the user's own
    names   of each of them, by which it can be found again; None: nothing names it

    UserError where environments, settings and machine do not fit.
    """
    envs = training_envs(factory, experiment)
    try:
        experiment = replace(experiment, log_every=experiment.logged_every)
        complete, lines = row.resolve(config, setup_of(envs, experiment, record, row.name))
        task = _task(row, complete, experiment, factory, envs, record, parts, names)
    except BaseException:
        close(envs)
        raise
    encoder = encoder_of(envs)
    environment = dict(record) if record is not None else {"env": envs.id, "recorded": False}
    settings = {"job": row.name, **environment, **plain(experiment), **plain(complete)}
    if parts is not None:
        settings["parts"] = dict(names or {})
    if not encoder.plain:
        settings["observation_space"] = to_json(encoder.original)
        settings["observations"] = encoder.words()
    settings |= _actions(task)
    warnings = [*row.warnings(complete, experiment), *schedule_ends.rising(complete)]
    return Training(task, settings, lines + schedule_ends.said(complete), warnings)


def restore(
    row: Row, settings: Mapping[str, Any], factory: EnvFactory, parts: Any = None
) -> RLTask:
    """The task of a run, as it was at its start.   UserError as above."""
    config, experiment = configs(row, settings)
    envs = training_envs(factory, experiment)
    try:
        record, names = record_of(settings), settings.get("parts")
        task = _task(row, config, experiment, factory, envs, record, parts, names)
        for name, value in _actions(task).items():
            if settings.get(name, value) != value:
                raise UserError(
                    f"{envs.id} has other actions than when the run was made ({name}): put back "
                    "the environment that it was trained in"
                )
        return task
    except BaseException:
        close(envs)
        raise


def _actions(task: RLTask) -> dict[str, Any]:
    """What settings keep of how the agent's choices become the environment's actions."""
    actions = getattr(task.agent.policy(), "actions", None)
    return {} if actions is None else dict(actions.plain())


def configs(row: Row, settings: Mapping[str, Any]) -> tuple[Any, ExperimentConfig]:
    """Both from a run's settings.   UserError where one is damaged."""
    experiment = read(ExperimentConfig, settings, added=ADDED)
    return row.config_of(settings), experiment


def record_of(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The environment's part of the settings; None where nothing could name it."""
    if settings.get("recorded") is False:
        return None
    names = ("env", "env_kwargs", "wrappers", "env_spec")
    return {name: settings[name] for name in names if name in settings}


def cadences(settings: Mapping[str, Any]) -> tuple[Cadence, Cadence]:
    """Of points of the curves, and of checkpoints."""
    return EverySteps(settings["log_every"]), EverySteps(settings["checkpoint_every"])


def setup_of(
    envs: VectorEnv, experiment: ExperimentConfig, record: Mapping[str, Any] | None,
    agent: str = "", own: Mapping[str, str | None] | None = None,
) -> Setup:  # fmt: skip
    """What an agent is told of its training."""
    return Setup(
        envs.observation_space, envs.action_space, experiment.num_envs, experiment.seed,
        experiment.steps, envs.frame_stack, envs.reward_range, experiment.backend,
        experiment.dtype, experiment.device, record, own, agent, encoder_of(envs),
        goal_rules_of(envs),
    )  # fmt: skip


def _task(
    row: Row, config: Any, experiment: ExperimentConfig, factory: EnvFactory, envs: VectorEnv,
    record: Mapping[str, Any] | None, parts: Any, names: Mapping[str, str | None] | None,
) -> RLTask:  # fmt: skip
    setup = setup_of(envs, experiment, record, row.name, names)
    try:
        agent = row.made(config, setup, parts)
        require_agent(agent, label(row.name))
        row.require_room(agent, config)
    except TypeError as error:
        if "abstract" not in str(error):  # of Agent: what is still to be written
            raise
        raise UserError(f"{label(row.name)} cannot be built: {error}") from error
    except UserError as error:
        raise UserError(f"{envs.id}: {error}") from error
    except NotHere as error:
        raise UserError(str(error)) from error
    except (ValueError, MemoryError) as error:
        raise UserError(f"{envs.id} and these settings do not fit: {error}") from error
    seed_torch(experiment.seed)  # environments or network may have been the first to load it

    def callbacks(task: RLTask, full: bool) -> list[Callback]:
        own = row.callbacks(task, config, setup)
        return [Repeats(task), Collapse(task), *own, *([Pictures(task)] if full else [])]

    return RLTask(
        agent, envs, factory, experiment, row.name, partial(restarted_envs, factory, experiment),
        callbacks, row.charts, row.remedy,
    )  # fmt: skip


def training_envs(factory: EnvFactory, config: ExperimentConfig) -> VectorEnv:
    """The environments that a run learns in.

    The generators that a process shares are seeded before the first environment is made: somebody's
    may draw from them, in its constructor too.
    """
    seed_shared(config.seed)
    return _prepared(factory, config, training_seed(config.seed))


def restarted_envs(factory: EnvFactory, config: ExperimentConfig, env_steps: int) -> VectorEnv:
    """Of a run that goes on after `env_steps` and cannot have its episodes back: not its first ones
    again."""
    return _prepared(factory, config, restart_seed(config.seed, env_steps))


def _prepared(factory: EnvFactory, config: ExperimentConfig, seed: int) -> VectorEnv:
    try:
        require_room_for_envs(config.num_envs)
    except MemoryError as error:
        raise UserError(str(error)) from error
    own: dict[str, Any] = {"workers": config.env_workers} if config.env_workers else {}
    envs = factory(num_envs=config.num_envs, seed=seed, **own)
    if config.eval_envs is None or config.eval_envs > 1:  # else no two more may be open for a try
        envs.prepare()
    return envs


def goal_of(run: Run, task: RLTask, steps: int | None) -> int:
    """Env steps in all that a run whose state the task has is trained to.   UserError where it is
    there already."""
    done, solved = task.step, task.evaluations.solved
    if not run.has_checkpoint:
        return task.goal if steps is None else task.agent.whole_steps(steps)
    total = task.agent.whole_steps(steps or run.asked_steps or task.config.steps)
    stopped = run.stopped_by
    enough = ((solved or stopped is not None) and steps is None) or done >= total
    if enough and run.finished:
        why = "solved" if solved else f"stopped by {stopped}" if stopped else "all steps done"
        raise UserError(
            f"{run.directory} is finished ({why} after {done:,} env steps): give `steps` above "
            "that to train on"
        )
    if steps is not None and done >= total + task.config.num_envs:
        raise UserError(
            f"{run.directory} is at {done:,} env steps already: give `steps` above that, or leave "
            "it out to train to its end"
        )
    if enough:  # stopped between its last step and its result
        return min(total, done)
    task.reopen()
    return total
