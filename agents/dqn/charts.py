"""The story of a DQN's run in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import returns, speed
from drl.log.layout import Layout, Prefix

CHARTS: Layout = {
    **returns("dqn"),
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
    **speed("dqn"),
}  # fmt: skip
