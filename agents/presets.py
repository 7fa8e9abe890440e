"""Tables of tuned settings, whichever agent they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from agents.config import ExperimentConfig
from agents.row import Preset


def tuned_for(kind: type) -> Callable[..., Preset]:
    """What makes a Preset of an agent's settings, whose config class is `kind`, and those of its
    training, given side by side."""
    mine = {f.name for f in fields(kind)}

    def tuned(**settings: Any) -> Preset:
        config = {name: value for name, value in settings.items() if name in mine}
        rest = {name: value for name, value in settings.items() if name not in mine}
        return Preset(kind(**config), ExperimentConfig(**rest))

    return tuned


def found(
    presets: Mapping[str, Preset], families: Mapping[str, Preset], env_id: str
) -> Preset | None:  # fmt: skip
    """The settings for this environment or its family (MinAtar/, ALE/); None where there are none.

    presets   by id
    families  by how an id begins
    env_id    in full (envs.resolve); the module that it may name is nothing to us.
              drl/Acrobot-v1, ours, has the settings of Gymnasium's Acrobot-v1: the same physics
    """
    id = env_id.rpartition(":")[2]
    for known in (id, id.removeprefix("drl/")):
        if known in presets:
            return presets[known]
    return next((found for name, found in families.items() if id.startswith(name)), None)
