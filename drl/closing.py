"""The end of an environment, which may fail and may cost nothing."""

from __future__ import annotations

import warnings
from typing import Any

from drl.errors import EnvWarning


def close(env: Any, name: str | None = None) -> None:
    """env.close(); where that raises, EnvWarning and nothing else: its results are there already.

    name  what to call it; none: its id
    """
    try:
        env.close()
    except (Exception, SystemExit) as error:
        name = name or getattr(env, "id", type(env).__name__)
        warnings.warn(
            f"{name} failed in close() ({type(error).__name__}: {error}): nothing is lost by it, "
            "but what it held may still be held",
            EnvWarning,
            stacklevel=3,
        )
