"""The story of a run of PPO or A2C in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import returns, speed
from drl.log.layout import Layout, Prefix


def charts(name: str) -> Layout:
    """Of the agent of this name."""
    return {
        **returns(name, "sampled"),
        f"{name}: policy": {
            "entropy: −1 × how much is still tried": ["train/entropy_loss"],
            "how far a rollout moves it: KL, and the share that is clipped": [
                "train/approx_kl", "train/clip_fraction"
            ],
            "σ of continuous actions": ["train/std"],
        },
        f"{name}: value": {
            "V at the start of an episode, and the return then realised": [
                "eval/q_estimated", "eval/q_realised"
            ],
            "V on the rollout, and what it is fitted to": ["train/value_mean", "train/return_mean"],
            "explained variance: 1 is a perfect critic": ["train/explained_variance"],
        },
        f"{name}: learning": {
            "losses": ["train/policy_gradient_loss", "train/value_loss"],
            "gradient norm": ["train/grad_norm"],
            "learning rate": ["train/learning_rate"],
            "clip range": ["train/clip_range"],
        },
        f"{name}: health": {
            "step size ‖Δθ‖/‖θ‖ by layer": [Prefix("train/update_ratio/")],
            "dead ReLUs by layer": [Prefix("train/dead_relu/")],
        },
        **speed(name),
    }  # fmt: skip
