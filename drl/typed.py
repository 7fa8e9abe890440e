"""Are the values of a dataclass of the types that it declares?  JSON promises nothing."""

from __future__ import annotations

import types
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from drl.errors import UserError


def check_types(instance: Any) -> None:
    """UserError naming the first field whose value is not of its declared type."""
    hints = get_type_hints(type(instance))
    for field in fields(instance):
        value = getattr(instance, field.name)
        if not fits(value, hints[field.name]):
            wanted = str(field.type).replace("typing.", "")
            raise UserError(f"{field.name} = {value!r} is not possible: expected {wanted}")


def fits(value: Any, hint: Any) -> bool:
    """Whether `value` is of the type `hint`: an int is a float too, True is no number."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(value is part or (type(value) is type(part) and value == part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(item, parts[0]) for item in value)
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(
            value, bool
        )
    return isinstance(value, hint)
