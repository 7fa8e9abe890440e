"""Settings as JSON and back: the one form that a run directory and a policy file keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar

from drl.errors import UserError

C = TypeVar("C")
NOTHING: Mapping[str, Any] = {}


def plain(config: Any) -> dict[str, Any]:
    """A config dataclass as JSON has it: tuples are lists, paths are text."""
    assert is_dataclass(config) and not isinstance(config, type)
    return {name: _plain(value) for name, value in asdict(config).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def read(
    kind: type[C], settings: Mapping[str, Any], added: Mapping[str, Any] = NOTHING,
    renamed: Mapping[str, str] = NOTHING,
) -> C:  # fmt: skip
    """The config of class `kind` from its JSON form; other names in `settings` are left alone.

    added    settings that older files lack, and what was done when there were none
    renamed  settings, and what older files call them

    UserError where a setting is missing, or is not of its type.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = field.name if field.name in settings else renamed.get(field.name, field.name)
        if name not in settings and name not in added:
            raise UserError(f"the settings lack {field.name!r}: are they of another version?")
        value = settings[name] if name in settings else added[name]
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def require(name: str, value: object, fine: bool, expected: str) -> None:
    """UserError unless `fine`, which NaN never is: every comparison with it fails."""
    if not fine:
        raise UserError(f"{name}={value} is not possible: give {expected}")


def difference(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], aside: Collection[str] = ()
) -> str | None:
    """The first setting that is not the same in both, but for those aside; None where all are."""
    names = (*mine, *theirs.keys() - mine.keys())
    return next((n for n in names if n not in aside and mine.get(n) != theirs.get(n)), None)
