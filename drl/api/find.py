"""Which agent is meant: a name in the table, a file of the user's own, or what is at hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from agents.row import Row, find_row, row_of
from drl.api.parts import lasting, say_code
from drl.display.console import Console
from drl.errors import UserError
from drl.named import module_of, thing
from drl.named import name_of as name_of_definition
from drl.tables import is_own, label


def find_agent(agent: Any) -> Row:
    """An agent from its name in the table; from `my_agent.py`, `my_agent.py:Name`, `module:Name`;
    or from a module, class or object with a row's attributes (agents.row).

    UserError on anything else.
    """
    if isinstance(agent, Row):
        return agent
    if not isinstance(agent, str):
        return row_of(name_of(agent), agent)
    if not is_own(agent):
        return find_row(agent)
    if agent.startswith(":"):
        raise UserError(
            f"the agent {label(agent)} was in no file that can be imported again: give it, as in "
            "load_run(directory, agent=…)"
        )
    if agent.endswith(".py"):
        module = module_of(agent)
        return row_of(name_of(module), module)
    return row_of(lasting(agent), thing(agent))


def name_of(agent: Any) -> str:
    """By which another process finds it: /path/my_agent.py of a module, /path/my_agent.py:Name of a
    class or an object at the top level of one; `:Name` where none would."""
    if isinstance(agent, ModuleType):
        return _file(agent) or f":{agent.__name__}"
    if isinstance(agent, type):
        return name_of_definition(agent) or f":{agent.__name__}"
    for home in (type(agent), getattr(agent, "Config", None)):
        module = sys.modules.get(getattr(home, "__module__", ""))
        if module is not None and (file := _file(module)):
            for name, value in vars(module).items():
                if value is agent:
                    return f"{file}:{name}"
    return f":{type(agent).__name__}"


def _file(module: ModuleType) -> str | None:
    """Of a module; None: it is in none, as a notebook's and a built-in one."""
    file = getattr(module, "__file__", None) or ""
    return str(Path(file).resolve()) if file.endswith(".py") else None


def recorded_agent(name: str, console: Console, agent: Any = None) -> Row:
    """The agent that a run or a policy file names; what is imported for it is said before.

    agent  given by the user in its place, where no file holds it
    """
    if agent is not None:
        return replace(find_agent(agent), name=name)
    if is_own(name) and not name.startswith(":"):
        say_code(name, f"the agent {label(name)}", console)
    return find_agent(name)
