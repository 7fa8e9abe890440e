"""Our speed beside what a user would pick instead: one benchmark a file, each with `measure`."""

from __future__ import annotations

from typing import Literal

Name = Literal[
    "step", "sac", "digits", "conv", "prioritized", "envs", "endtoend", "startup", "seeds",
    "log", "cartpole", "ablation",
]  # fmt: skip
