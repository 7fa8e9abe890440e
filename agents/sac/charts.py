"""The story of a run of SAC, TD3 or TQC in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import returns, speed
from drl.log.layout import Layout, Prefix


def charts(name: str) -> Layout:
    """Of the agent of this name."""
    return {
        **returns(name),
        f"{name}: Q": {
            "Q estimated at the start of an episode, and the return then realised": [
                "eval/q_estimated", "eval/q_realised"
            ],
            "Q on the batch": ["train/q_mean", "train/q_max"],
        },
        f"{name}: policy": {
            "entropy: how much is still tried": ["train/entropy"],
            "temperature: what a nat of it is worth": ["train/ent_coef"],
            "share of actions at their bounds": ["train/saturation"],
        },
        f"{name}: learning": {
            "losses": ["train/critic_loss", "train/actor_loss", "train/ent_coef_loss"],
            "TD error": ["train/td_error_abs"],
            "gradient norms": ["train/grad_norm", "train/critic_grad_norm"],
            "learning rate": ["train/learning_rate"],
        },
        f"{name}: health": {"step size ‖Δθ‖/‖θ‖ by layer": [Prefix("train/update_ratio/")]},
        **speed(name),
    }  # fmt: skip
