"""Parts of an agent of the user's own: named where they can be, so that a run needs no flag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from drl import named
from drl.display.console import Console
from drl.errors import UserError
from drl.tables import label

Names = dict[str, str | None]  # part → module:name or file.py:name; None: nothing names it


def resolved(row: Any, parts: Any) -> tuple[Any, Names]:
    """An agent's parts that are given by name ("my_nets.py:wide") as what they name, and the
    lasting names of all that are given.

    UserError where there is no such thing, or they are another agent's.
    """
    require_suited(row, parts)
    found: dict[str, Any] = {}
    names: Names = {}
    for field in fields(parts):
        value = getattr(parts, field.name)
        if isinstance(value, str):
            found[field.name], names[field.name] = named.thing(value), lasting(value)
        elif value is not None:
            names[field.name] = named.name_of(value)
    return replace(parts, **found), names


def named_parts(row: Any, words: Sequence[str]) -> Any:
    """An agent's parts from name=module:thing or name=file.py:thing.   UserError where it has none
    of that name."""
    if row.parts is None:
        raise UserError(f"{label(row.name)} takes no parts of your own")
    own = sorted(field.name for field in fields(row.parts))
    found: dict[str, str] = {}
    for word in words:
        name, equals, what = word.partition("=")
        if name not in own or not equals:
            raise UserError(
                f"{word!r} is no part of {label(row.name)}: give name=file.py:thing, with one of "
                f"the names {', '.join(own)}"
            )
        if name in found:
            raise UserError(f"your own {name} is given twice: {found[name]} and {what}")
        found[name] = what
    return row.parts(**found)


def networks(parts: Any) -> dict[str, Any]:
    """What builds a policy's networks, by the names of the parts; empty where none is given."""
    from agents.parts import Nets

    found = {name: getattr(parts, name, None) for name in Nets._fields}
    return {name: build for name, build in found.items() if build is not None}


def require_suited(row: Any, parts: Any) -> None:
    """UserError where these are no parts of the agent's."""
    if row.parts is None:
        raise UserError(f"{label(row.name)} takes no parts of your own: leave out parts=")
    if not isinstance(parts, row.parts):
        raise UserError(
            f"parts is a {type(parts).__name__}, {label(row.name)} takes {row.parts.__name__} of "
            f"{row.parts.__module__}"
        )


def require_no_effectless(row: Any, settings: Mapping[str, Any], changes: Iterable[str]) -> None:
    """UserError where a setting is to change in whose place the run has a part of the user's."""
    parts = settings.get("parts") or {}
    for field in fields(row.parts) if row.parts is not None and parts else ():
        for name in changes:
            if field.name in parts and name in field.metadata.get("replaces", ()):
                raise UserError(
                    f"`{name}` would change nothing: the run has your own {field.name} "
                    f"({parts[field.name] or 'given from Python'}) in its place"
                )


def lasting(name: str) -> str:
    """The same name, as another process in another directory finds it."""
    where, what = named.split(name)
    module = named.module_of(where)
    file = getattr(module, "__file__", None)
    if file is None or named.is_installed(module.__name__):
        return name
    return f"{file}:{what}"


def of_run(row: Any, settings: Mapping[str, Any], console: Console, given: Any = None) -> Any:
    """The parts that a run was trained with: given again, or as its settings name them, whose code
    then runs, which is said.   UserError where one has no name."""
    names = settings.get("parts")
    if given is not None or names is None:
        return given if given is None else resolved(row, given)[0]
    unnamed = [part for part, name in names.items() if name is None]
    if unnamed or row.parts is None:
        raise UserError(
            f"the run was trained with your own {', '.join(unnamed or names)}, which nothing "
            "names: give parts="
        )
    for part, name in names.items():
        say_code(name, f"the run's own {part}", console)
    return row.parts(**{part: named.thing(name) for part, name in names.items()})


def say_code(name: str, what: str, console: Console) -> None:
    """Somebody's code runs because a file of the user's names it: said before, unless it has run in
    this process already."""
    module = name if name.endswith(".py") else name.rpartition(":")[0]
    if not named.has_run(module):
        kind = "runs the file" if module.endswith(".py") else "imports the module"
        console.warn_once(module, f"{kind} {module}, which {what} names")
