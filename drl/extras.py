"""Packages that not every installation has: asked for by name where they are needed."""

from __future__ import annotations

import importlib.util

from drl.errors import UserError


def installed(name: str) -> bool:
    """Whether a package can be imported; nothing is."""
    return importlib.util.find_spec(name) is not None


def require(what: str, *packages: str) -> None:
    """UserError unless all are installed.

    what      needs them
    packages  a light installation lacks them; pip knows them by these names
    """
    for name in packages:
        if not installed(name):
            raise UserError(f"{what} needs a package that is not here: pip install {name}")


def need(extra: str, *modules: str) -> None:
    """UserError, naming the extra of drl-toolkit that brings it, if a module is not installed."""
    for name in modules:
        if not installed(name):
            raise UserError(f"{name} is not installed: pip install 'drl-toolkit[{extra}]'")
