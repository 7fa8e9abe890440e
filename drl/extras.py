"""Packages that only one command needs: asked for by name when they are missing."""

from __future__ import annotations

import importlib.util

from drl.errors import UserError


def need(extra: str, *modules: str) -> None:
    """UserError, naming the extra of drl-toolkit that brings it, if a module is not installed."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise UserError(f"{name} is not installed: pip install 'drl-toolkit[{extra}]'")
