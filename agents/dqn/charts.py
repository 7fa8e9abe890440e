"""The story of a DQN's run in TensorBoard's Custom Scalars tab, from top to bottom."""

from __future__ import annotations

from agents.charts import CHOICE, NETWORK, RETURN, TRAINING, Q
from drl.log.layout import Layout

MEMORY: Layout = {"memory": {"failures in the memory": ["replay/terminal_fraction"]}}
CHARTS: Layout = {**RETURN, **Q, **CHOICE, **MEMORY, **NETWORK, **TRAINING}
