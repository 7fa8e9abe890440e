"""What the user's own code raises when an agent calls it, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drl.errors import UserError, out_of_memory
from drl.raised import said


def called(failed: str, mend: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """function(*given, **named).

    failed, mend  what is said around what it raises: "your own lr failed", "mend it"

    UserError where it raises anything; its cause is what was raised.
    """
    try:
        return function(*given, **named)
    except Exception as error:
        if isinstance(error, UserError) or out_of_memory(error):
            raise
        raise UserError(f"{failed} ({said(error)}): {mend}") from error


def require_fields(what: str, found: Any, kind: type[Any]) -> None:
    """UserError unless what one's own function gives has the fields of a named tuple."""
    lacking = [field for field in kind._fields if not hasattr(found, field)]
    if lacking:
        given = f"a {type(found).__name__}" if found is not None else "None"
        raise UserError(
            f"{what} gives {given}: expected {kind.__name__}({', '.join(kind._fields)}) of "
            f"{kind.__module__}"
        )
