"""The driver of a training: order, checkpoints, curves, evaluations, interrupts, the best model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drl.display.commands import command
from drl.display.console import Console, env_warnings
from drl.experiment.cadence import Cadence
from drl.experiment.callbacks import EVENTS, Callback, Display, finishes
from drl.experiment.curves import Curves
from drl.experiment.interrupt import Interrupt, Interrupted
from drl.experiment.points import Points
from drl.experiment.run import Run
from drl.experiment.stopped import stopped_in_one_line
from drl.experiment.task import Task
from drl.experiment.tracebacks import tracebacks_kept
from drl.log import Logger
from drl.log.writers import see_curves, writers_of
from drl.state import fitting, load_shared_generators, number, shared_generators
from drl.threads import one_thread


class Experiment:
    """A task from its first step to its result.

    `state` is all that its future depends on: resuming is loading it and going on, to the same
    bytes.  Whoever only looks (curves, callbacks, progress) changes nothing of it.

    task         what learns: an agent in its environments, a classifier
    settings     its settings as JSON, as a run's config.json has them
    points       when a point of the curves is due
    checkpoints  when a checkpoint is
    run          the directory it is kept in; None: nothing is written
    callbacks    the user's
    console      where people look
    """

    def __init__(
        self, task: Task, settings: dict[str, Any], points: Cadence, checkpoints: Cadence,
        run: Run | None = None, callbacks: Sequence[Callback] = (), console: Console | None = None,
    ) -> None:  # fmt: skip
        self.task, self.settings, self.run = task, settings, run
        self.points, self.checkpoints = Points(points), checkpoints
        self.console = console or Console(quiet=True)
        self.seconds = 0.0  # of training, over all its sessions
        self.resumed = False  # whether a state was loaded
        self.stopped_by: str | None = None  # the callback that has finished it
        self.best: dict[str, Any] | None = None  # model of the best evaluation of this process
        self.interrupt = Interrupt()
        self.curves = Curves(run, settings, task)
        self._warned: set[str] = set()
        self._callbacks = dict(_named([*task.observers(self.curves.full), *callbacks]))
        self._kept: dict[str, Any] = {}  # states of callbacks that are not here

    # -- for callbacks ------------------------------------------------------------------------
    @property
    def step(self) -> int:
        """Done so far, in the task's unit."""
        return self.task.step

    @property
    def log(self) -> Logger:
        """Where a callback writes curves of its own: experiment.log.scalar("mine/x", 1.0, step)."""
        return self.curves.out

    def warn(self, text: str) -> None:
        """A line for people, and in the log."""
        self.console.warn(text)
        self.curves.out.text("warnings", text, self.task.step)

    def warn_once(self, text: str) -> None:
        """What this process has not said yet."""
        if text not in self._warned:
            self._warned.add(text)
            self.warn(text)

    # -- the run ------------------------------------------------------------------------------
    def go(self, until: int) -> dict[str, Any]:
        """Train until `until` steps, the goal, a callback's False, or a signal; the summary.

        It always ends with a checkpoint.  UserError where the numbers are no numbers any more;
        EnvFailed where an environment cannot be played, with what was learnt kept.
        """
        task, console = self.task, self.console
        for line in task.reporter.about():
            console.print(line)
        for name in self._kept:
            console.warn(
                f"the run was trained with a callback {name}, which is not here: its state is kept "
                "for a resume with callbacks=[…]"
            )
        self.curves.open(self.resumed)
        try:
            with (
                self.interrupt,
                env_warnings(self.warn_once),
                tracebacks_kept(None if self.run is None else self.run.directory),
                console.progress(task.unit, until) as progress,
                one_thread(),
            ):
                self._listening = _listening(
                    self._callbacks | {"the display": Display(progress.update)}
                )
                with stopped_in_one_line(self.run, task.reporter.where, task.remedy, self._keep):
                    summary = self._go(until)
                task.close()
                self._end(summary)
        finally:
            task.close()
            self.curves.out.close()
        self._report(summary)
        return summary

    def _go(self, until: int) -> dict[str, Any]:
        task, run = self.task, self.run
        self.curves.begin()
        for text in task.begin():
            self.warn(text)
        self._tell("on_start")
        if not self.resumed:
            self._checkpoint()  # from now on nothing can be lost
        with contextlib.suppress(Interrupted):  # in an evaluation, which comes first on resume
            self._train(until)
        # whoever trains on knows nothing of the evaluation that follows
        last = None if run is None else self.state()
        with contextlib.suppress(Interrupted):
            if task.step >= until and not task.finished(until):
                self._evaluate()  # no run ends without a policy that was scored
        self.curves.final(task.reporter.final(), task.step)
        self.curves.out.flush()
        saved = run is None or last is None or run.save_last(last, task.step)
        done = task.finished(until) or self.stopped_by is not None
        summary = task.reporter.summary() | {
            "seconds": round(self.seconds, 3),
            "steps": until,
            "stopped_by": self.stopped_by,
            "interrupted": self.interrupt.asked and not done,
            "checkpoint_saved": saved,
        }
        if run is not None:
            run.write_summary(summary)
        return summary

    def _end(self, summary: dict[str, Any]) -> None:
        """The last event, whose False counts too."""
        self._tell("on_end", summary)
        if self.stopped_by != summary["stopped_by"]:
            summary |= {"stopped_by": self.stopped_by, "interrupted": False}
            if self.run is not None:
                self.run.write_summary(summary)

    def _train(self, until: int) -> None:
        task, curves = self.task, self.curves
        started = time.perf_counter() - self.seconds
        if task.evaluation_due() and self._evaluate():  # one that was interrupted
            return
        if self.stopped_by is not None:
            return
        for progress in task.run(until):
            self.seconds = time.perf_counter() - started
            for ended in progress.episodes:
                curves.out.episode(*ended, self.seconds)
            if self.points.due(progress) and curves.on:
                since = self.points.since
                metrics = task.reporter.metrics(progress, self.seconds, curves.full, since)
                curves.point(metrics, progress.step)
            self._tell("on_step", progress)
            if progress.update is not None:
                self._tell("on_update", progress.update)
            done = task.evaluation_due() and self._evaluate()
            if progress.whole and self.checkpoints.due(progress.step):
                self._keep()
            if done or self.stopped_by is not None or self.interrupt.asked:
                break
        self.seconds = time.perf_counter() - started

    def _evaluate(self) -> bool:
        """What has been learnt is scored, and kept where it is the best yet.  Whether the goal is
        reached."""
        generators = shared_generators()
        try:
            evaluated = self.task.evaluate(self.interrupt.at_once, self.curves.full)
        except BaseException:  # interrupted: it will be made again, as if for the first time
            load_shared_generators(generators)
            raise
        self.curves.evaluated(evaluated, self.task.step)
        if evaluated.better:
            self.best = self.task.model()
            if self.run is not None:
                self.run.save_best(self.best)
        self._tell("on_evaluation", evaluated)
        return evaluated.done

    def _keep(self) -> None:
        """A checkpoint, once there is something to be kept."""
        if self.task.step:
            self._checkpoint()

    def _checkpoint(self) -> None:
        if self.run is None:
            return
        self.curves.out.flush()  # a resumed run writes no point from before its checkpoint
        if self.run.save_checkpoint(self.state(), self.task.step):
            self._tell("on_checkpoint")

    def _tell(self, event: str, *what: Any) -> None:
        for name, method in self._listening[event]:
            if finishes(method(self, *what)) and self.stopped_by is None:
                self.stopped_by = name

    # -- for people ---------------------------------------------------------------------------
    def _report(self, summary: dict[str, Any]) -> None:
        console, run, task = self.console, self.run, self.task
        if summary["interrupted"]:
            kept = "; checkpoint saved" if run is not None else ""
            console.print(f"stopped at {task.step:,} {task.unit}{kept}")
            if run is not None:
                console.print("go on:   " + command("resume", run.directory))
            return
        rows = task.reporter.table(summary)
        if self.stopped_by is not None:
            rows |= {"stopped by": self.stopped_by}
        if run is not None:
            rows |= {"run": str(run.directory)}
        console.table(f"{task.title}, seed {self.settings['seed']}", rows)
        if run is not None:
            console.print("score it:    " + command("evaluate", run.directory))
            curves = see_curves(self.settings["log"], writers_of(self.settings), run.directory)
            if curves:
                console.print(f"see curves:  {curves}")

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that the future depends on, and what was learnt as it can be used."""
        callbacks = {name: callback.state() for name, callback in self._callbacks.items()}
        return {
            "task": self.task.state(),
            "model": self.task.model(),
            "points": self.points.state(),
            "checkpoints": self.checkpoints.state(),
            "callbacks": self._kept | {name: state for name, state in callbacks.items() if state},
            "seconds": self.seconds,
            "generators": shared_generators(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there.   UserError where it is not one of these settings."""
        with fitting("the checkpoint"):
            self.task.load_state(state["task"])
            self.points.load_state(state["points"], self.task.step)
            self.checkpoints.load_state(state["checkpoints"], self.task.step)
            self.seconds = number(state, "seconds", low=0)
            self._kept = dict(state["callbacks"])
            for name in self._callbacks.keys() & self._kept.keys():
                with fitting(f"the checkpoint's state of the callback {name}"):
                    self._callbacks[name].load_state(self._kept.pop(name))
            load_shared_generators(state["generators"])
        self.resumed = True


def _named(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    """By their class, the second of a class by its number too: names for `state`."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}", callback


def _listening(callbacks: Mapping[str, Callback]) -> dict[str, list[tuple[str, Any]]]:
    """Who is to be told of what: event → name and method of those that listen."""
    return {
        event: [
            (name, getattr(callback, event))
            for name, callback in callbacks.items()
            if getattr(type(callback), event) is not getattr(Callback, event)
        ]
        for event in EVENTS
    }
