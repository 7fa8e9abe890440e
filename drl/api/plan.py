"""A training that can begin, and what it has come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drl.display.console import Console
from drl.errors import EnvFailed
from drl.experiment.callbacks import Callback
from drl.experiment.experiment import Experiment
from drl.experiment.run import Run
from drl.log.writers import before_run, writers_of
from drl.tables import job_module

if TYPE_CHECKING:
    from agents.policy import SavedPolicy
    from agents.row import Row

    Load = Callable[[Mapping[str, Any]], SavedPolicy]


@dataclass(frozen=True, eq=False)
class Result:
    """What a training has come to.

    summary  the result in numbers, as a run's summary.json has it
    task     what has learnt, as training left it (its agent, its network)
    best     the model of the best evaluation; none where none was made
    path     directory of the run, where there is one: drl.load_run(result.path)
    load     makes a policy of such a model; none: it has none
    """

    summary: dict[str, Any]
    task: Any = field(repr=False)  # in print(result) networks would fill the screen
    best: dict[str, Any] | None = field(default=None, repr=False)
    path: Path | None = None
    load: Load | None = field(default=None, repr=False)

    @property
    def policy(self) -> SavedPolicy:
        """Of the best evaluation; as training left it, where none was made."""
        if self.best is None or self.load is None:
            policy: SavedPolicy = self.task.agent.policy()
            return policy
        return self.load(self.best)

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
    load      makes a policy of the task's model; none: it has none
    given     what drl.api.resume is to be given again, where nothing names it: env, data, parts,
              agent
    """

    task: Any
    settings: dict[str, Any]
    goal: int
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()
    load: Load | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def single(self) -> bool:
        """Whether its environment is the only one, and cannot be made again."""
        return bool(getattr(self.given.get("env"), "single", False))


def loader(row: Row, parts: Any = None) -> Load:
    """Of the agent's policies.   parts: of the user's own."""
    from drl.api.parts import networks
    from drl.api.policies import policy_of

    nets = networks(parts)
    return lambda model: policy_of(model, "the best policy", row, nets)


def announce(plan: Plan, console: Console, written: bool) -> None:
    """Say what its settings left open, and what is wrong with them.   Before a file is made.

    written  whether there will be curves

    UserError where a package that writes them is missing; the task is closed then.
    """
    try:
        own = plan.settings
        files = before_run(own["log"], writers_of(own)) if written else []
        for line in (*plan.lines, *files):
            console.print(line)
        for line in plan.warnings:
            console.warn(line)  # which raises where Python's warnings are errors
    except BaseException:
        plan.task.close()
        raise


def begin(
    plan: Plan, console: Console, directory: Path | None, callbacks: Sequence[Callback] = ()
) -> Result:
    """From the first step to the result.   directory: of the run; none: nothing is written."""
    if directory is None:
        return conclude(experiment_of(plan, None, console, callbacks), plan.goal, plan.load)
    try:
        run = Run.create(directory, plan.settings)
    except BaseException:
        plan.task.close()
        raise
    with run:
        return conclude(experiment_of(plan, run, console, callbacks), plan.goal, plan.load)


def experiment_of(
    plan: Plan, run: Run | None, console: Console, callbacks: Sequence[Callback] = ()
) -> Experiment:
    """Its driver."""
    points, checkpoints = job_module(plan.settings["job"]).cadences(plan.settings)
    return Experiment(plan.task, plan.settings, points, checkpoints, run, callbacks, console)


def conclude(experiment: Experiment, goal: int, load: Load | None = None) -> Result:
    """Drive it to `goal` steps in all.   EnvFailed has as `result` what was learnt until then."""
    task, run = experiment.task, experiment.run
    path = None if run is None else run.directory
    try:
        summary = experiment.go(goal)
    except EnvFailed as error:
        failed = task.reporter.summary() | {"interrupted": False, "stopped_by": None}
        error.result = Result(failed, task, experiment.best, path, load)
        raise
    return Result(summary, task, experiment.best, path, load)
