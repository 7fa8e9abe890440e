"""What a DQN run writes to TensorBoard, under Stable-Baselines3's names and ours beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import numpy as np

from agents.dqn import metrics as diagnostics
from agents.dqn.agent import DQN, Update
from agents.dqn.value_bias import ValueBias
from agents.evaluation import Evaluation
from agents.training import Progress
from drl.cli import dqn_pictures
from drl.cli.job_log import JobLog, due
from drl.environment import VectorEnv
from drl.log.tensorboard.writer import Layout, Margin, Prefix

# the Custom Scalars tab: the story of a run from top to bottom
LAYOUT: Layout = {
    "dqn: return": {
        "return: exploring, and greedy": ["rollout/ep_rew_mean", "eval/mean_reward"],
        "greedy: mean, worst and best episode": Margin(
            "eval/mean_reward", "eval/min_reward", "eval/max_reward"
        ),
        "exploring: mean, worst and best of 100 episodes": Margin(
            "rollout/ep_rew_mean", "rollout/ep_rew_min", "rollout/ep_rew_max"
        ),
    },
    "dqn: Q": {
        "Q estimated at the start of an episode, and the return then realised": [
            "eval/q_estimated", "eval/q_realised"
        ],
        "Q on the batch": ["train/q_mean", "train/q_max"],
        "action gap: how much the choice matters": ["train/action_gap"],
    },
    "dqn: learning": {
        "loss, TD error": ["train/loss", "train/td_error_abs"],
        "exploration: ε": ["rollout/exploration_rate"],
        "gradient norm": ["train/grad_norm"],
        "learning rate": ["train/learning_rate"],
    },
    "dqn: health": {
        "step size ‖Δθ‖/‖θ‖ by layer": [Prefix("train/update_ratio/")],
        "dead ReLUs by layer": [Prefix("train/dead_relu/")],
        "failures in the memory": ["replay/terminal_fraction"],
    },
    "dqn: speed": {"env steps a second": ["time/fps"]},
}  # fmt: skip


class DQNLog(JobLog):
    """The step is the number of env steps."""

    def start(
        self, agent: DQN, at_once: Callable[[], AbstractContextManager[None]],
        warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Before the first step.

        at_once  around what can be left in the middle: videos
        warn     says what is wrong with an image
        """
        self.begin(agent.net, LAYOUT)
        self.images = dqn_pictures.DQNPictures(self.out, self.settings, agent, at_once, warn)
        self.watched: ValueBias | None = None
        if self.full and not self.resumed:
            self.distributions(agent.net, 0)

    def draw_start(self) -> None:
        """The images of the start, after the first checkpoint."""
        if self.full:
            self.images.start()

    def point(
        self, step: Progress, agent: DQN, recent: deque[tuple[float, int]], seconds: float
    ) -> None:
        """One point of the learning curves.  recent: return and length of the last episodes."""
        scalars = {
            "rollout/exploration_rate": agent.exploration.epsilon(step.env_steps),
            "time/fps": step.env_steps / max(seconds, 1e-9),
        }
        if recent:
            returns, lengths = np.array(recent).T
            scalars["rollout/ep_rew_mean"] = float(returns.mean())
            scalars["rollout/ep_rew_min"] = float(returns.min())
            scalars["rollout/ep_rew_max"] = float(returns.max())
            scalars["rollout/ep_len_mean"] = float(lengths.mean())
        if self.full and step.learned is not None:
            scalars |= diagnostics.learning(agent, step.learned)
            scalars |= diagnostics.dead_relus(agent, agent.replay.peek(64))
            if self._due(step.env_steps, "log_every"):
                self._batch(agent, step.learned, step.env_steps)
        self.out.scalars(scalars, step.env_steps)
        self.checksum(agent.net, step.env_steps)

    def _batch(self, agent: DQN, learned: Update, env_steps: int) -> None:
        """Distributions over the batch of an update."""
        self.out.histogram("train/td_error", agent.ops.numpy(learned.td_error()), env_steps)
        for action, q in enumerate(diagnostics.q_by_action(agent, learned)):
            self.out.histogram(f"q/action_{action}", q, env_steps)

    def _due(self, env_steps: int, every: str) -> bool:
        interval = self.settings[every]
        return due(env_steps // interval, self.settings["steps"] // interval)

    def watching(self, envs: VectorEnv, agent: DQN, env_steps: int) -> VectorEnv:
        """The environments of a greedy evaluation; where Q is to be held against what is then
        earned, seen through a ValueBias."""
        self.watched = None
        if self.full and self._due(env_steps, "eval_every"):
            self.watched = ValueBias(agent, envs)
        return envs if self.watched is None else cast(VectorEnv, self.watched)

    def check(self, result: Evaluation, env_steps: int, agent: DQN) -> None:
        """A greedy evaluation."""
        scalars = {
            "eval/mean_reward": result.mean,
            "eval/min_reward": float(result.returns.min()),
            "eval/max_reward": float(result.returns.max()),
            "eval/std_reward": float(result.returns.std()),
            "eval/mean_ep_length": float(result.lengths.mean()),
        }
        if self.watched is not None:
            scalars |= self.watched.scalars()
        self.out.scalars(scalars, env_steps)
        if self.full:
            if self._due(env_steps, "eval_every"):
                self.distributions(agent.net, env_steps)
            self.images.check(env_steps)

    def end(self, env_steps: int, best: float) -> None:
        """What the training has come to, before its last checkpoint.  best: of the greedy means."""
        if np.isfinite(best):
            self.final({"best_mean_reward": best, "env_steps": env_steps}, env_steps)
        self.flush()

    def draw_end(self, env_steps: int) -> None:
        """The images of the end, after the last checkpoint."""
        if self.full:
            self.images.end(env_steps)

    def warning(self, text: str, env_steps: int) -> None:
        self.out.text("warnings", text, env_steps)
