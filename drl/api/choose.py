"""Settings from what was given: a preset, a config in its place, and keywords on top."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

from agents.config import ExperimentConfig
from agents.row import Preset, Row, find_row, row_of
from drl.errors import UserError
from drl.tables import AGENTS


def find_agent(agent: Any) -> Row:
    """Of a name in the table, a module of the user's own, `module:Name` or `file.py:Name` naming a
    class or object with a row's attributes, or such an object itself.   UserError on anything else.
    """
    if isinstance(agent, Row):
        return agent
    if isinstance(agent, str):
        if ":" in agent:
            from drl.named import thing

            return row_of(agent, thing(agent))
        return find_row(agent)
    return row_of(_name(agent), agent)


def _name(agent: Any) -> str:
    """By which the agent's file can be found again: `file.py:`, or `file.py:Name`."""
    if isinstance(agent, ModuleType):
        file, name = agent.__file__, ""
    else:
        kind = agent if isinstance(agent, type) else type(agent)
        module = sys.modules.get(kind.__module__)
        file, name = getattr(module, "__file__", None), getattr(agent, "__name__", kind.__name__)
    if file is None:
        raise UserError(f"{agent!r:.60} is no agent: give a name ({', '.join(AGENTS)}) or a module")
    return f"{file}:{name}"


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
    mine = {f.name for f in fields(config)}
    its = {f.name for f in fields(experiment)}
    for name in changes or {}:
        if name not in mine | its:
            near = difflib.get_close_matches(name, mine | its, n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise UserError(f"{row.name} has no setting {name!r}{hint}")
    changes = dict(changes or {})
    return Preset(
        replace(config, **{n: v for n, v in changes.items() if n in mine}),
        replace(experiment, **{n: v for n, v in changes.items() if n in its}),
    )


def module_of(row: Row) -> ModuleType:
    """The family's folder."""
    return importlib.import_module(AGENTS[row.name].module)
