"""Are the values of a dataclass of the types that it declares?  JSON promises nothing.

Numbers of other kinds are taken for what they are: numpy's, whole floats, lists.
"""

from __future__ import annotations

import types
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from drl.errors import UserError


def check_types(instance: Any) -> None:
    """Plain Python in every field, frozen or not: numpy's numbers become Python's, lists tuples,
    and whole floats integers where integers are declared.

    UserError naming the first field whose value is not of its declared type.
    """
    hints = get_type_hints(type(instance))
    for field in fields(instance):
        hint = hints[field.name]
        value = plain(getattr(instance, field.name), hint)
        object.__setattr__(instance, field.name, value)
        if not fits(value, hint):
            wanted = str(field.type).replace("typing.", "")
            raise UserError(f"{field.name} = {value!r} is not possible: expected {wanted}")


def plain(value: Any, hint: Any) -> Any:
    """`value` as Python's own, if it can be one of `hint`'s; else as it is."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        made = (plain(value, part) for part in parts)
        return next((v for v, part in zip(made, parts, strict=True) if fits(v, part)), value)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy's, which is not imported here
        value = value.tolist()
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(plain(item, parts[0]) for item in value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


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
        if isinstance(value, int):
            return not isinstance(value, bool) and abs(value) < 2**63  # larger: no size, no time
        return hint is float and isinstance(value, float)
    return isinstance(value, hint)
