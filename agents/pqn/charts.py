"""The story of a run of PQN in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import CHOICE, NETWORK, RETURN, TRAINING, Q
from drl.log.layout import Layout

TARGETS: Layout = {"λ-returns": {"λ-returns that Q is fitted to": ["train/target_mean"]}}
CHARTS: Layout = {**RETURN, **Q, **CHOICE, **TARGETS, **NETWORK, **TRAINING}
