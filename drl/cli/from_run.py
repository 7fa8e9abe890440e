"""`--config RUN/config.json`: the settings of a run as the defaults of a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drl.errors import UserError
from drl.files import read_json
from drl.state import fitting


def settings_of(path: Path, name: str) -> dict[str, Any]:
    """Those of a run of `name`, an agent or a task.   path: its config.json, or its directory.

    UserError where there are none.
    """
    path = path / "config.json" if path.is_dir() else path
    settings = read_json(path).get("settings")
    if not isinstance(settings, dict):
        raise UserError(f"{path} holds no settings: give a run's config.json")
    if settings.get("job") != name:
        raise UserError(f"{path} is of a run of {settings.get('job')}, not of {name}")
    if settings.get("recorded") is False or "env_spec" in settings:
        what = "data" if "data" in settings else "environment"
        raise UserError(f"{path} cannot name its {what}, which was given in Python: train there")
    return settings


def environment_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of a run's environment, own parts and first weights.   UserError where one is
    damaged, or was given in Python."""
    with fitting("the environment", "config.json"):
        kwargs, parts = settings.get("env_kwargs", {}), settings.get("parts") or {}
        if unnamed := [part for part, name in parts.items() if name is None]:
            raise UserError(
                f"the run was trained with your own {', '.join(unnamed)}, which nothing names: "
                "train from Python"
            )
        init_from = settings.get("init_from")
        return {
            "env": str(settings["env"]),
            "env_kwargs": tuple(f"{name}={json.dumps(value)}" for name, value in kwargs.items()),
            "wrapper": tuple(settings.get("wrappers", [])),
            "net": parts.get("net"),
            "parts": tuple(f"{part}={name}" for part, name in parts.items() if part != "net"),
            "init_from": None if init_from is None else Path(init_from),
        }


def digits_of(settings: Mapping[str, Any]) -> Any:
    """A classifier's config.   UserError where it is damaged."""
    from dataclasses import replace

    from drl.supervised import job
    from drl.supervised.presets import Preset

    preset = Preset.from_settings(settings)
    asked = {name: getattr(preset, name) for name in ("epochs", "batch_size", "lr", "hidden")}
    return replace(job.check_settings(settings), **asked)
