"""What a DQN run writes to TensorBoard, under Stable-Baselines3's names and ours beside them."""

from __future__ import annotations

from collections import deque

import numpy as np

from agents import diagnostics
from agents.dqn import DQN
from agents.evaluation import Evaluation
from agents.training import Progress
from drl.cli.job_log import JobLog

LAYOUT = {
    "dqn": {
        "return": ["rollout/ep_rew_mean", "eval/mean_reward"],
        "exploration": ["rollout/exploration_rate"],
        "Q": ["train/q_mean", "train/q_max"],
        "loss": ["train/loss"],
        "speed": ["time/fps"],
    }
}
METRICS = ("eval/mean_reward", "rollout/ep_rew_mean")  # what the HParams tab compares runs by
SNAPSHOTS = 50  # of weights and gradients, in a run of all its steps


class DQNLog(JobLog):
    """The step is the number of env steps."""

    def start(self, agent: DQN) -> None:
        """Before the first step."""
        self.begin(agent.net, LAYOUT, METRICS)

    def point(
        self, step: Progress, agent: DQN, recent: deque[tuple[float, int]], seconds: float
    ) -> None:
        """One point of the learning curves.  recent: return and length of the last episodes."""
        scalars = {
            "rollout/exploration_rate": agent.exploration.epsilon(step.env_steps),
            "time/fps": step.env_steps / max(seconds, 1e-9),
        }
        if recent:
            scalars["rollout/ep_rew_mean"] = float(np.mean([r for r, _ in recent]))
            scalars["rollout/ep_len_mean"] = float(np.mean([n for _, n in recent]))
        if self.full and step.learned is not None:
            scalars |= diagnostics.learning(agent, step.learned)
            scalars |= diagnostics.dead_relus(agent, agent.replay.peek(64))
            agent.optimizer.watch = True  # the next update leaves its Δθ for the next point
            td_error = agent.ops.numpy(step.learned.td_error())
            self.out.histogram("train/td_error", td_error, step.env_steps)
        self.out.scalars(scalars, step.env_steps)

    def check(self, result: Evaluation, env_steps: int, agent: DQN) -> None:
        """A greedy check."""
        self.out.scalars(
            {
                "eval/mean_reward": result.mean,
                "eval/std_reward": float(result.returns.std()),
                "eval/mean_ep_length": float(result.lengths.mean()),
            },
            env_steps,
        )
        every = max(1, self.settings["steps"] // SNAPSHOTS)
        if self.full and env_steps % every < self.settings["eval_every"]:
            self.distributions(agent.net, env_steps)

    def end(self, agent: DQN, env_steps: int) -> None:
        """What the training has come to."""
        if self.full:
            self.out.image("first_layer/weights", first_layer(agent), env_steps)

    def warning(self, text: str, env_steps: int) -> None:
        self.out.text("warnings", text, env_steps)


def first_layer(agent: DQN, pixels: int = 12) -> np.ndarray:
    """First-layer weights as grey levels, white the largest: a row per input, a column per neuron.

    Returns (rows, columns) uint8, each weight a square of `pixels`.
    """
    layer = next(layer for layer in agent.net.layers if layer.shapes)
    W = agent.ops.numpy(layer.W)  # type: ignore[attr-defined]
    W = W.reshape(-1, W.shape[-1])
    low, high = W.min(), W.max()
    grey = ((W - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return np.kron(grey, np.ones((pixels, pixels), np.uint8))
