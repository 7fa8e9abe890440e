"""Settings from what was given: a preset, a config in its place, and keywords on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from agents import schedule_ends
from agents.config import ExperimentConfig
from agents.row import Preset, Row
from drl.errors import UserError
from drl.nearest import did_you_mean


def choose(
    row: Row, env_id: str, config: Any = None, experiment: ExperimentConfig | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Preset:  # fmt: skip
    """The agent's config and the training's.

    config      in place of the preset's; it is complete
    experiment  in place of the preset's
    changes     settings of either, by name, on top

    UserError on a name that neither has, and on values that cannot be.
    """
    tuned = row.preset(env_id) or Preset(row.config(), ExperimentConfig())
    if config is not None and not isinstance(config, row.config):
        raise UserError(
            f"config is a {type(config).__name__}, the agent {row.name} takes a "
            f"{row.config.__name__}"
        )
    config = tuned.config if config is None else config
    experiment = tuned.experiment if experiment is None else experiment
    return on_top(row, config, experiment, changes or {})


def on_top(
    row: Row, config: Any, experiment: ExperimentConfig, changes: Mapping[str, Any]
) -> Preset:
    """Both with settings of either, by name, in place of theirs; a schedule of which one end is
    given does not rise (agents.schedule_ends).   UserError as above."""
    mine = {f.name for f in fields(config)}
    its = {f.name for f in fields(experiment)}
    for name in changes:
        if name not in mine | its:
            known = sorted(mine | its)
            raise UserError(f"{row.name} has no setting {name!r}{did_you_mean(name, known)}")
    changed = replace(config, **{n: v for n, v in changes.items() if n in mine})
    return Preset(
        schedule_ends.moved(changed, changes),
        replace(experiment, **{n: v for n, v in changes.items() if n in its}),
    )
