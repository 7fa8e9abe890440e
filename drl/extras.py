"""Packages that not every installation has: asked for by name where they are needed."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, requires

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
            raise UserError(f"{name} is not installed: {how(extra)}")


def how(extra: str) -> str:
    """The command that installs an extra's packages: these alone where torch is not, since
    drl-toolkit[extra] would bring it."""
    if not installed("torch"):
        try:
            lines = [line.partition(";") for line in requires("drl-toolkit") or ()]
        except PackageNotFoundError:  # not installed, but on the path
            lines = []
        packages = [
            package.strip() for package, _, when in lines
            if re.search(rf"extra == .{re.escape(extra)}\W", when)
        ]  # fmt: skip
        if packages:
            return "pip install " + " ".join(f"'{package}'" for package in packages)
    return f"pip install 'drl-toolkit[{extra}]'"
