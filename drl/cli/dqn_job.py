"""A DQN run from settings to summary: training, checks, curves, checkpoints."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from agents.checks import Evaluations
from agents.dqn.config import DQNConfig, from_settings, no_updates
from agents.dqn.targets import Bounded
from agents.evaluation import Evaluation, evaluate_agent
from agents.observations import sizes
from agents.policy import describe
from agents.setup import (
    derived,
    restarted_envs,
    training_agent,
    training_envs,
)
from agents.training import Training
from drl.cli.dqn_log import DQNLog
from drl.cli.watchdog import Watchdog
from drl.closing import close
from drl.display.commands import command
from drl.display.console import Console, Progress, env_warnings
from drl.environment import VectorEnv
from drl.experiment.interrupt import Interrupt, Interrupted
from drl.experiment.run import Run
from drl.experiment.stopped import stopped_in_one_line
from drl.log.writers import see_curves, writers_of
from drl.nn.memory import GIB
from drl.state import (
    column,
    fitting,
    load_shared_generators,
    number,
    shared_generators,
    whole,
)
from envs import factory

if TYPE_CHECKING:
    from agents.dqn.agent import DQN

DIVERGED = "train anew with a lower --lr, with --max-grad-norm, or a smaller --reward-scale"


class DQNJob:
    """One run.  `state` is all that its future depends on; resuming is loading it and going on."""

    def __init__(self, settings: dict[str, Any], envs: VectorEnv | None = None) -> None:
        """envs: those to learn in, where they are made already."""
        self.settings = settings
        self.config = config = from_settings(settings)
        self.env_id: str = settings["env"]
        self.envs: Any = envs or made(settings, config)
        self.derived: list[str] = []  # what a new run's settings left open, in words
        self.agent = self._agent()
        self.training = Training(
            self.agent, self.envs, config.updates_per_step, config.learning_starts
        )
        self.checks = Evaluations(config, settings["seed"])
        self.next_log = settings["log_every"]
        self.next_checkpoint = settings["checkpoint_every"]
        self.recent: deque[tuple[float, int]] = deque(maxlen=100)  # return, length of episodes
        self.episodes = 0  # that have ended
        self.restarts = 0  # environments that failed and were restarted, in earlier sessions
        self.warned: set[str] = set()  # of environments, in this session
        self.interrupt = Interrupt()
        self.watchdog = Watchdog()
        self.console = Console()
        self.seconds = 0.0

    @classmethod
    def new(cls, settings: dict[str, Any]) -> Self:
        """The job of a new run: what its settings leave open is derived, and kept in them."""
        config = from_settings(settings)
        envs = made(settings, config)
        complete, lines = derived(config, envs)
        job = cls(settings | asdict(complete), envs)
        job.derived = lines
        return job

    def _agent(self) -> DQN:
        """Settings that do not fit the environment, or the machine, are the user's to mend."""
        settings = self.settings
        return training_agent(
            self.config, self.envs, settings["seed"], settings["backend"], settings["dtype"],
            settings["device"],
        )  # fmt: skip

    # -- the run ------------------------------------------------------------------------------
    def go(
        self, run: Run, console: Console, steps: int | None = None, resumed: bool = False
    ) -> dict[str, Any]:
        """Train until solved, out of steps, or interrupted; always ends with a checkpoint."""
        steps = steps or self.config.steps
        self.console = console
        console.print(
            f"replay memory: {self.agent.replay.nbytes / GIB:.3f} GiB when its "
            f"{self.config.buffer_size:,} transitions are full"
        )
        if isinstance(self.agent.bootstrap, Bounded):
            bound, unit = self.agent.bootstrap, self.agent.reward_scale
            low, high = bound.low / unit, bound.high / unit
            console.print(f"bootstrap: kept within {low:g} … {high:g} (--value-bound)")
        with (
            DQNLog(run, self.settings, self.training.env_steps, resumed, self.episodes) as log,
            env_warnings(lambda text: self._warn_once(text, log)),
            console.progress("env steps", steps) as progress,
            self.interrupt,
        ):
            try:
                with stopped_in_one_line(run, self._where, DIVERGED, lambda: self._keep(run, log)):
                    summary = self._go(run, log, progress, steps, resumed)
            finally:
                close(self.envs)
            if not summary["interrupted"]:
                log.draw_end(self.training.env_steps)  # what was learnt is safe by now
        self._report(console, run, summary)
        return summary

    def _go(
        self, run: Run, log: DQNLog, progress: Progress, steps: int, resumed: bool
    ) -> dict[str, Any]:
        """From the first step to the last checkpoint and the summary, which it gives."""
        log.start(self.agent, self.interrupt.at_once, self.console.warn)
        if self.config.eval_envs == 0:
            self.console.print(
                "evaluations play in the training environments: their episodes begin anew after it"
            )
        if resumed and self.training.obs is None:
            why = self.training.restarted
            self._warn(f"{self.env_id}: {why}; its episodes begin anew, from other seeds", log)
        self._warn(no_updates(self.config, steps), log)
        self.training.begin()
        if not resumed:
            run.save_checkpoint(self.state(), 0)  # from now on nothing can be lost
            log.draw_start()
        with contextlib.suppress(Interrupted):  # in a check, which comes first on resume
            self._train(run, log, progress, steps)
        last = self.state()  # whoever trains on knows nothing of the check that follows
        with contextlib.suppress(Interrupted):
            if self.training.env_steps >= steps and not self.checks.played:
                self._check(run, log)  # no run ends without a policy that was scored
        log.end(self.training.env_steps, self.checks.best)
        saved = run.save_last(last, self.training.env_steps)
        interrupted = self.interrupt.asked and not self._done(steps)
        summary = self.summary() | {
            "steps": steps, "interrupted": interrupted, "checkpoint_saved": saved
        }  # fmt: skip
        run.write_summary(summary)
        return summary

    def _train(self, run: Run, log: DQNLog, progress: Progress, steps: int) -> None:
        started = time.perf_counter() - self.seconds
        if self.checks.due(self.training.env_steps):  # one that was interrupted
            self._check(run, log)
            if self.checks.solved:
                return
        for step in self.training.run(steps):
            self.seconds = time.perf_counter() - started
            for ended in zip(step.returns.tolist(), step.lengths.tolist(), strict=True):
                self.recent.append(ended)
                self.episodes += 1
                log.out.episode(*ended, self.seconds)
            if step.env_steps >= self.next_log:
                self.next_log += self.settings["log_every"]
                log.point(step, self.agent, self.recent, self.seconds)
                progress.update(step.env_steps, self._status())
                if step.learned is not None:
                    self._warn(self.watchdog.values(self.agent, step.learned), log)
                    self._warn(self.watchdog.rewards(self.agent, self._declared()), log)
            if self.checks.due(step.env_steps):
                self._check(run, log)
            if step.env_steps >= self.next_checkpoint:
                self.next_checkpoint += self.settings["checkpoint_every"]
                self._keep(run, log)
            if self.checks.solved or self.interrupt.asked:
                break
        self.seconds = time.perf_counter() - started
        progress.update(self.training.env_steps, self._status())

    def _keep(self, run: Run, log: DQNLog) -> None:
        """A checkpoint, once there is something to be kept."""
        if self.training.env_steps:
            log.flush()  # a resumed run writes no point from before its checkpoint
            run.save_checkpoint(self.state(), self.training.env_steps)

    def _done(self, steps: int) -> bool:
        """Whether nothing is left to do, a check that was interrupted included."""
        done, checks = self.training.env_steps, self.checks
        return checks.solved or (done >= steps and checks.played > 0 and not checks.due(done))

    def _declared(self) -> tuple[float, float] | None:
        """The reward range that the bound on the bootstrap comes from, if it comes from one."""
        if self.config.value_bound != "auto":
            return None
        return self.config.reward_range or self.envs.reward_range

    def _where(self) -> str:
        return f"env step {self.training.env_steps:,}, {self.agent.updates:,} updates"

    def _check(self, run: Run, log: DQNLog) -> None:
        """A greedy evaluation; a new best policy is kept; the threshold is confirmed before we
        stop."""
        generators = shared_generators()
        try:
            result, better = self.checks.check(lambda count, seed: self._evaluate(count, seed, log))
        except BaseException:  # interrupted: it will be made again, as if for the first time
            load_shared_generators(generators)
            raise
        log.check(result, self.training.env_steps, self.agent)
        exploring = float(np.mean([r for r, _ in self.recent])) if self.recent else np.nan
        self._warn(self.watchdog.check(result, exploring), log)
        if better:
            run.save_best(self.policy_state())

    def _warn(self, text: str | None, log: DQNLog) -> None:
        if text is not None:
            self.console.warn(text)
            log.warning(text, self.training.env_steps)

    def _warn_once(self, text: str, log: DQNLog) -> None:
        if text not in self.warned:
            self.warned.add(text)
            self._warn(text, log)

    def _evaluate(self, episodes: int, seed: int, log: DQNLog) -> Evaluation:
        """The greedy policy as it is."""
        return evaluate_agent(
            self.training, factory(self.env_id), self.config, episodes, seed,
            lambda envs: log.watching(envs, self.agent, self.training.env_steps),
            self.interrupt.at_once,
        )  # fmt: skip

    def _status(self) -> str:
        mean = f"{np.mean([r for r, _ in self.recent]):.1f}" if self.recent else "–"
        best = f"{self.checks.best:.1f}" if np.isfinite(self.checks.best) else "–"
        return f"return {mean}  best evaluation {best}"

    def _report(self, console: Console, run: Run, summary: dict[str, Any]) -> None:
        if summary["interrupted"]:
            console.print(f"stopped at {summary['env_steps']:,} env steps; checkpoint saved")
            console.print("go on:   " + command("resume", run.directory))
            return
        best = f"{self.checks.best:.1f}" if np.isfinite(self.checks.best) else "no evaluation yet"
        last = "no evaluation yet" if self.checks.last is None else f"{self.checks.last:.1f}"
        collapsed = ", collapsed and not yet back" * self.watchdog.collapsed
        console.table(
            f"{self.env_id}, seed {self.settings['seed']}",
            {
                "solved": "yes" if self.checks.solved else "no",
                "best greedy mean": best,
                "last greedy mean": last + collapsed,
                "wall seconds": f"{summary['seconds']:.2f}",
                "env steps": f"{summary['env_steps']:,}",
                "updates": f"{summary['updates']:,}",
                "run": str(run.directory),
            },
        )
        console.print("score it:    " + command("evaluate", run.directory))
        curves = see_curves(self.settings["log"], writers_of(self.settings), run.directory)
        if curves:
            console.print(f"see curves:  {curves}")

    # -- state --------------------------------------------------------------------------------
    def summary(self) -> dict[str, Any]:
        return {
            "job": "dqn",
            "env": self.env_id,
            "seed": self.settings["seed"],
            "solved": self.checks.solved,
            "best_mean_reward": self.checks.best if np.isfinite(self.checks.best) else None,
            "last_mean_reward": self.checks.last,
            "collapsed": self.watchdog.collapsed,
            "seconds": round(self.seconds, 3),
            "env_steps": self.training.env_steps,
            "updates": self.agent.updates,
            "env_restarts": self.restarts + len(self.envs.restarts),
            "backend": self.agent.ops.name,
        }

    def policy_state(self) -> dict[str, Any]:
        return {
            "policy": self._about_policy(),
            "net": self.agent.ops.numpy(self.agent.net.params).copy(),
            "mean_reward": self.checks.best,
            "env_steps": self.training.env_steps,
        }

    def _about_policy(self) -> dict[str, Any]:
        """All but θ, so that no environment has to be made where the policy is read."""
        shape, observation_dtype, actions, first_action = sizes(self.envs)
        return describe(self.config, shape, observation_dtype, actions, first_action=first_action)

    def state(self) -> dict[str, Any]:
        return {
            "training": self.training.state(),
            "policy": self._about_policy(),
            **self.checks.state(),
            "episodes": self.episodes,
            "next_log": self.next_log,
            "next_checkpoint": self.next_checkpoint,
            "recent_returns": np.array([r for r, _ in self.recent], np.float64),
            "recent_lengths": np.array([n for _, n in self.recent], np.int64),
            "watchdog": self.watchdog.state(),
            "env_restarts": self.restarts + len(self.envs.restarts),
            "seconds": self.seconds,
            "generators": shared_generators(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """UserError where the state is not one of this run's settings."""
        with fitting("the checkpoint"):
            self._load(state)

    def _load(self, state: dict[str, Any]) -> None:
        self.training.load_state(state["training"])
        done, settings = self.training.env_steps, self.settings
        self.next_log = whole(state, "next_log", 1, done + settings["log_every"])
        self.next_checkpoint = whole(
            state, "next_checkpoint", 1, done + settings["checkpoint_every"]
        )
        self.episodes = whole(state, "episodes")
        self.restarts = whole(state, "env_restarts")
        self.seconds = number(state, "seconds", low=0)
        self.watchdog.load_state(state["watchdog"])
        whole(state, "next_check", 1, done + self.config.eval_every)
        self.checks.load_state(state)
        returns = column(state, "recent_returns", np.float64, most=100)
        lengths = column(state, "recent_lengths", np.int64, most=100)
        self.recent.clear()
        self.recent += zip(returns, lengths, strict=True)
        if self.training.obs is None and self.training.env_steps:
            self._restart_envs()
        load_shared_generators(state["generators"])

    def _restart_envs(self) -> None:
        """Environments that could not tell their state: not the run's first episodes again."""
        close(self.envs)
        self.envs = restarted_envs(
            factory(self.env_id), self.config, self.settings["seed"], self.training.env_steps
        )
        self.training.envs = self.envs


def made(settings: dict[str, Any], config: DQNConfig) -> VectorEnv:
    """The environments that a run learns in."""
    return training_envs(factory(settings["env"]), config, settings["seed"])
