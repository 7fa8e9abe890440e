"""What a training in environments tells of itself: lines, curves, the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from agents.agent import Agent
from agents.config import ExperimentConfig
from agents.episodes import Episodes
from agents.evaluations import Evaluations
from agents.taken import ActionsTaken
from drl.environment import VectorEnv
from drl.experiment.curves import due
from drl.experiment.task import Metrics, Progress
from drl.numbers import score


class Told(Protocol):
    """What is read of the training."""

    job: str
    agent: Agent
    envs: VectorEnv
    config: ExperimentConfig
    episodes: Episodes
    evaluations: Evaluations
    taken: ActionsTaken
    step: int
    collapsed: bool

    @property
    def env_restarts(self) -> int:
        """Environments that failed."""


class RLReporter:
    """Reads a training, and changes nothing of it."""

    def __init__(self, task: Told) -> None:
        self.task = task

    @property
    def episodes(self) -> int:
        """Training episodes that have ended."""
        return self.task.episodes.count

    def about(self) -> list[str]:
        """What the agent says of itself, and where it is evaluated."""
        agent = self.task.agent
        lines = [*agent.policy().told(), *agent.about(), *self._about_processes()]
        if self.task.config.eval_envs == 0:
            lines.append(
                "evaluations play in the training environments: their episodes begin anew after it"
            )
        return lines

    def _about_processes(self) -> list[str]:
        envs = self.task.envs
        if not self.task.config.env_workers:
            return []
        count = len(getattr(envs, "processes", ()))
        if not count:
            return [f"env_workers: {envs.id} is stepped all at once, in this process"]
        return [f"{envs.num_envs} environments in {count} processes"]

    def metrics(self, progress: Progress, seconds: float, full: bool, since: int) -> Metrics:
        """Of exploring, and where `full` of the last update; distributions now and then."""
        task = self.task
        metrics: dict[str, float | np.ndarray] = dict(task.agent.metrics(progress.step))
        metrics["time/fps"] = progress.step / max(seconds, 1e-9)
        if task.episodes.recent:
            returns, lengths = np.array(task.episodes.recent).T
            metrics["rollout/ep_rew_mean"] = float(returns.mean())
            metrics["rollout/ep_rew_min"] = float(returns.min())
            metrics["rollout/ep_rew_max"] = float(returns.max())
            metrics["rollout/ep_len_mean"] = float(lengths.mean())
        if task.episodes.successes:
            metrics["rollout/success_rate"] = float(np.mean(task.episodes.successes))
        if full and progress.update is not None:
            every = task.config.logged_every
            numbers = range(since // every + 1, progress.step // every + 1)
            distributions = any(due(n, task.config.steps // every) for n in numbers)
            if distributions:
                metrics |= task.taken.metrics()
            for tag, value in progress.update.metrics().items():
                if distributions or not isinstance(value, np.ndarray):
                    metrics[tag] = value
        return metrics

    def final(self) -> Mapping[str, float]:
        """What runs are compared by; nothing before the first evaluation."""
        best = self._best
        return {} if best is None else {"best_mean_reward": best, "env_steps": self.task.step}

    def status(self) -> str:
        """Mean return of the last exploring episodes, and the best evaluation."""
        best, exploring = self._best, self.task.episodes.mean()
        mean = score(exploring) if self.task.episodes.recent else "–"
        return f"return {mean}  best evaluation {'–' if best is None else score(best)}"

    def where(self) -> str:
        """Env steps and updates."""
        return f"env step {self.task.step:,}, {self.task.agent.updates:,} updates"

    def summary(self) -> dict[str, Any]:
        """The result, as summary.json has it."""
        task, evaluations = self.task, self.task.evaluations
        return {
            "job": task.job,
            "env": task.envs.id,
            "seed": task.config.seed,
            "solved": evaluations.solved,
            "best_mean_reward": self._best,
            "last_mean_reward": evaluations.last,
            "collapsed": task.collapsed,
            "env_steps": task.step,
            "updates": task.agent.updates,
            "env_restarts": task.env_restarts,
            "backend": task.agent.net.ops.name,
        }

    def table(self, summary: Mapping[str, Any]) -> dict[str, str]:
        """The result, for people: name → value."""
        task, best, last = self.task, summary["best_mean_reward"], summary["last_mean_reward"]
        collapsed = ", collapsed and not yet back" * task.collapsed
        solved = {"solved": "yes" if summary["solved"] else "no"}
        return (
            (solved if task.config.solved_at is not None else {})
            | {
                "best greedy mean": "no evaluation yet" if best is None else score(best),
                "last greedy mean": ("no evaluation yet" if last is None else score(last))
                + collapsed,
                "wall seconds": f"{summary['seconds']:.2f}",
                "env steps": f"{task.step:,}",
                "updates": f"{task.agent.updates:,}",
            }
            | ({"env restarts": f"{task.env_restarts}"} if task.env_restarts else {})
        )

    @property
    def _best(self) -> float | None:
        """Mean return of the best evaluation; none before the first."""
        best = self.task.evaluations.best
        return best if np.isfinite(best) else None
