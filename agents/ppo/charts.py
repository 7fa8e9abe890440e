"""The story of a run of PPO or A2C in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import NETWORK, RETURN, TRAINING
from drl.log.layout import Layout

POLICY: Layout = {
    "policy and V": {
        "entropy: −1 × how much is still tried": ["train/entropy_loss"],
        "σ of continuous actions": ["train/std"],
        "V on the rollout, and what it is fitted to": ["train/value_mean", "train/return_mean"],
        "explained variance: 1 is a perfect critic": ["train/explained_variance"],
        "losses": ["train/policy_gradient_loss", "train/value_loss"],
    }
}
CLIPPING: Layout = {
    "clipping": {
        "how far a rollout moves the policy: KL, and the share that is clipped": [
            "train/approx_kl", "train/clip_fraction"
        ],
        "clip range": ["train/clip_range"],
    }
}  # fmt: skip
A2C_CHARTS: Layout = {**RETURN, **POLICY, **NETWORK, **TRAINING}
CHARTS: Layout = {**RETURN, **POLICY, **CLIPPING, **NETWORK, **TRAINING}
