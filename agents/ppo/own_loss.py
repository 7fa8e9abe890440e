"""A loss of the user's own, whose answers are looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from agents.own import called, require_fields
from drl.errors import UserError
from drl.nn.ops import Array, Ops


def own_loss(name: str, function: Callable[..., Any] | None, kind: type[Any]) -> Any:
    """`function`, a part of this name, as a loss that is `checked`; None where there is none."""
    return function and partial(checked, name, function, kind)


def checked(
    name: str, function: Callable[..., Any], kind: type[Any], ops: Ops, x: Array, *rest: Any
) -> Any:
    """function(ops, x, …): a named tuple of `kind`, whose first field is ∂L/∂x, x (B,).

    UserError where it raises, or gives something else: a derivative of another shape would be
    broadcast.
    """
    what = f"your own {name}"
    fit = called(f"{what} failed", "mend it", function, ops, x, *rest)
    require_fields(what, fit, kind)
    field = kind._fields[0]
    found = tuple(getattr(getattr(fit, field), "shape", ()))
    if found != tuple(x.shape):
        raise UserError(
            f"{what} gives {field} of shape {found}: expected {tuple(x.shape)}, a number for each "
            "row"
        )
    return fit
