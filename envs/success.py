"""Whether episodes that have ended were a success, of environments that say so:
info["is_success"], as gymnasium-robotics and Stable-Baselines3 have it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

NAME = "is_success"


def of_one(info: Any) -> float | None:
    """1 or 0, or between; None where the info of an episode's last step does not say."""
    given = info.get(NAME) if isinstance(info, Mapping) else None
    with suppress(TypeError, ValueError):  # what is no number says nothing
        if given is not None and 0 <= float(given) <= 1:
            return float(given)
    return None


def of_some(said: Mapping[int, float], count: int) -> dict[str, np.ndarray]:
    """{"is_success": (N,) float64}, NaN where nothing is said; {} where nothing is said at all."""
    if not said:
        return {}
    found = np.full(count, np.nan)
    found[list(said)] = list(said.values())
    return {NAME: found}


def of_all(infos: Any, ended: np.ndarray) -> dict[str, np.ndarray]:
    """The same of infos as Gymnasium batches them, with "_is_success" beside, of the environments
    that say it.   ended: (N,) bool"""
    given = infos.get(NAME) if isinstance(infos, Mapping) else None
    values = np.asarray(given)
    if values.shape != ended.shape:
        return {}
    here = np.broadcast_to(np.asarray(infos.get(f"_{NAME}", True)), ended.shape)
    said = {int(i): of_one({NAME: values[i]}) for i in np.flatnonzero(ended & here)}
    return of_some({i: value for i, value in said.items() if value is not None}, len(ended))
