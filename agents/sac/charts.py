"""The story of a run of SAC, TD3, TQC or CrossQ in TensorBoard's Custom Scalars tab, from top to
bottom."""

from __future__ import annotations

from agents.charts import RETURN, TRAINING, Q
from drl.log.layout import Layout

ACTOR: Layout = {
    "actor and critics": {
        "entropy: how much is still tried": ["train/entropy"],
        "temperature: what a nat of it is worth": ["train/ent_coef"],
        "share of actions at their bounds": ["train/saturation"],
        "losses": ["train/critic_loss", "train/actor_loss", "train/ent_coef_loss"],
        "gradient norm of the critics": ["train/critic_grad_norm"],
    }
}
CHARTS: Layout = {**RETURN, **Q, **ACTOR, **TRAINING}
