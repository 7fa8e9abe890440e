"""The story of a run of PQN in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import returns, speed
from drl.log.layout import Layout, Prefix

CHARTS: Layout = {
    **returns("pqn"),
    "pqn: Q": {
        "Q estimated at the start of an episode, and the return then realised": [
            "eval/q_estimated", "eval/q_realised"
        ],
        "Q on the minibatch, and the returns it is fitted to": [
            "train/q_mean", "train/q_max", "train/return_mean"
        ],
        "action gap: how much the choice matters": ["train/action_gap"],
    },
    "pqn: learning": {
        "loss, TD error": ["train/loss", "train/td_error_abs"],
        "exploration: ε": ["rollout/exploration_rate"],
        "gradient norm": ["train/grad_norm"],
        "learning rate": ["train/learning_rate"],
    },
    "pqn: health": {
        "step size ‖Δθ‖/‖θ‖ by layer": [Prefix("train/update_ratio/")],
        "dead ReLUs by layer": [Prefix("train/dead_relu/")],
    },
    **speed("pqn"),
}  # fmt: skip
