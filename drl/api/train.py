"""`train`: an agent or a classifier in one call, with all that the command has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drl.api.choose import choose, find_agent
from drl.api.console import console_of
from drl.display.console import Console
from drl.errors import EnvFailed, UserError
from drl.experiment.callbacks import Callback
from drl.experiment.experiment import Experiment
from drl.experiment.run import Run
from drl.log.writers import before_run, writers_of
from drl.state import shared_generators_kept
from drl.tables import TASKS, job_module

if TYPE_CHECKING:
    from agents.policy import SavedPolicy


@dataclass(frozen=True, eq=False)
class Result:
    """What a training has come to.

    summary  the result in numbers, as a run's summary.json has it
    task     what has learnt, as training left it (its agent, its network)
    best     the model of the best evaluation; none where none was made
    path     directory of the run, where there is one: drl.load_run(result.path)
    """

    summary: dict[str, Any]
    task: Any
    best: dict[str, Any] | None = None
    path: Path | None = None
    parts: Any = None

    @property
    def policy(self) -> SavedPolicy:
        """Of the best evaluation; as training left it, where none was made."""
        if self.best is None:
            policy: SavedPolicy = self.task.agent.policy()
            return policy
        from drl.api.policies import policy_of

        return policy_of(self.best, "the best policy", getattr(self.parts, "net", None))

    @property
    def agent(self) -> Any:
        """As training left it."""
        return self.task.agent

    @property
    def net(self) -> Any:
        """The network, as training left it."""
        return self.task.net

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or a signal has ended it."""
        return bool(self.summary["interrupted"])

    @property
    def stopped_by(self) -> str | None:
        """The callback that has finished it."""
        return self.summary["stopped_by"]  # type: ignore[no-any-return]

    @property
    def solved(self) -> bool:
        """Whether 100 greedy episodes reached `solved_at`."""
        return bool(self.summary.get("solved"))

    @property
    def mean_reward(self) -> float | None:
        """Of the best evaluation; none where none was made."""
        return self.summary.get("best_mean_reward")

    @property
    def env_steps(self) -> int:
        """Steps made in the training environments."""
        return int(self.summary["env_steps"])


@dataclass(frozen=True, eq=False)
class Plan:
    """A training that can begin: everything that can be wrong with its settings has shown.

    task      what learns
    settings  as a run's config.json has them
    goal      steps in all
    lines     on what the settings left open
    warnings  of settings that are allowed
    """

    task: Any
    settings: dict[str, Any]
    goal: int
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()
    parts: Any = None


def train(
    agent: Any, env: Any = None, config: Any = None, *, run: str | Path | None = None,
    seed: int = 1, steps: int | None = None, callbacks: Sequence[Callback] = (),
    progress: bool = True, parts: Any = None, experiment: Any = None,
    env_kwargs: dict[str, Any] | None = None, wrappers: Sequence[Any] = (), **settings: Any,
) -> Result:  # fmt: skip
    """Learn an environment, or to classify, until solved or out of steps.

    agent       "dqn", or an agent of your own: a module with Config and build; "digits" classifies
    env         an id, a Gymnasium class, a function or a partial that makes one, an instance, a
                vector class of ours; for digits a data set's name, or arrays (x, y)
    config      the agent's settings, complete; none: the preset of the environment, or defaults
    run         directory to keep everything in: curves, checkpoints, the best policy; none: nothing
                is written
    seed        of everything random: the same seed gives the same bytes, and those of
                `drl train --seed`, whatever has run before in this process; the generators that a
                process shares (random, numpy's, torch's) are afterwards as they were
    steps       env steps to train for, in place of the preset's
    callbacks   called as training goes on (drl.Callback); False from one finishes the run
    progress    show what the command shows
    parts       of the agent, of your own: agents.Parts(net=…, epsilon=…)
    experiment  agents.ExperimentConfig, complete: budget, evaluations, log, machine
    env_kwargs  for the constructor of the environment
    wrappers    classes, or "module:Class", around each environment, in this order
    settings    by name, on top: lr=1e-4, num_envs=4, eval_every=1000, log_to=("csv",)

    Ctrl-C ends training; the result is what was learnt until then (result.interrupted).

    UserError where environment and settings do not fit, or a number is NaN or Inf; agents.EnvFailed
    where an environment cannot be played any more: its `result` is what was learnt until then.
    """
    console = console_of(progress)
    with shared_generators_kept():  # an environment may draw from them: seeded, and given back
        if steps is not None:
            settings["steps"] = steps
        if isinstance(agent, str) and agent in TASKS:
            plan = plan_supervised(env, config, settings | {"seed": seed})
        else:
            changes = settings | {"seed": seed}
            plan = plan_rl(agent, env, config, experiment, changes, parts, env_kwargs, wrappers)
        return begin(plan, console, None if run is None else Path(run), callbacks)


def plan_rl(
    agent: Any, env: Any, config: Any = None, experiment: Any = None,
    changes: dict[str, Any] | None = None, parts: Any = None,
    env_kwargs: dict[str, Any] | None = None, wrappers: Sequence[Any] = (),
) -> Plan:  # fmt: skip
    """An agent in an environment.   UserError where they do not fit."""
    from agents import job
    from envs.source import source

    if env is None:
        raise UserError("train what? give an environment: train('dqn', 'CartPole-v1')")
    row, made_by = find_agent(agent), source(env, env_kwargs, wrappers)
    chosen = choose(row, made_by.id, config, experiment, changes)
    found = job.new(row, chosen.config, chosen.experiment, made_by, made_by.record, parts)
    lines = list(found.lines)
    if row.preset(made_by.id) is None and config is None:
        lines.insert(0, f"no preset for {made_by.id}: defaults")
    return Plan(found.task, found.settings, chosen.experiment.steps, lines, found.warnings, parts)


def plan_supervised(data: Any, config: Any, changes: dict[str, Any]) -> Plan:
    """A classifier.   data: a name, arrays (x, y), a Dataset; none: the 8×8 digits."""
    from dataclasses import replace

    from drl.supervised import job
    from drl.supervised.config import DigitsConfig
    from drl.supervised.data import given

    for name in changes:
        if name not in DigitsConfig.__dataclass_fields__:
            raise UserError(f"digits has no setting {name!r}")
    config = DigitsConfig() if config is None else config
    config = replace(config, **changes)
    if data is None or isinstance(data, str | Path):
        config = config if data is None else replace(config, data=str(data))
        task, settings = job.new(config)
    else:
        task, settings = job.new(config, given(data, config.seed))
    return Plan(task, settings, task.goal)


def begin(
    plan: Plan, console: Console, directory: Path | None, callbacks: Sequence[Callback] = ()
) -> Result:
    """From the first step to the result.   directory: of the run; none: nothing is written."""
    for line in plan.lines:
        console.print(line)
    for line in plan.warnings:
        console.warn(line)
    if directory is None:
        return conclude(experiment_of(plan, None, console, callbacks), plan.goal, plan.parts)
    try:
        for line in before_run(plan.settings["log"], writers_of(plan.settings)):
            console.print(line)
        run = Run.create(directory, plan.settings)
    except BaseException:
        plan.task.close()
        raise
    with run:
        return conclude(experiment_of(plan, run, console, callbacks), plan.goal, plan.parts)


def experiment_of(
    plan: Plan, run: Run | None, console: Console, callbacks: Sequence[Callback] = ()
) -> Experiment:
    """Its driver."""
    points, checkpoints = job_module(plan.settings["job"]).cadences(plan.settings)
    return Experiment(plan.task, plan.settings, points, checkpoints, run, callbacks, console)


def conclude(experiment: Experiment, goal: int, parts: Any = None) -> Result:
    """Drive it to `goal` steps in all.   EnvFailed has as `result` what was learnt until then."""
    task, run = experiment.task, experiment.run
    path = None if run is None else run.directory
    try:
        summary = experiment.go(goal)
    except EnvFailed as error:
        failed = task.summary() | {"interrupted": False, "stopped_by": None}
        error.result = Result(failed, task, experiment.best, path, parts)
        raise
    return Result(summary, task, experiment.best, path, parts)
