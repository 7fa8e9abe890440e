"""The end of an environment, which may fail and may cost nothing."""

from __future__ import annotations

import warnings
from typing import Any

from drl.errors import EnvWarning
from drl.raised import said, traceback_of


def close(env: Any, name: str | None = None) -> None:
    """env.close(); where that raises, EnvWarning and nothing else: its results are there already.

    name  what to call it; none: its id
    """
    try:
        env.close()
    except (Exception, SystemExit) as error:
        name = name or getattr(env, "id", type(env).__name__)
        text = (
            f"{name} failed in close() ({said(error)}): nothing is lost by it, but what it held "
            "may still be held"
        )
        warnings.warn(EnvWarning(text, traceback_of(error)), stacklevel=3)
