"""`drl`, `agents`, `envs`: names that other distributions use too.  Are those found ours?"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from drl.errors import UserError

OURS = "drl-toolkit"
MARK = f'DISTRIBUTION = "{OURS}"'  # a line of each package's __init__.py


def check_packages() -> None:
    """UserError that says whose the others are, what to uninstall, and what mends ours."""
    home = Path(__file__).resolve().parents[2]
    for name in ("drl", "agents", "envs"):
        spec = importlib.util.find_spec(name)
        file = Path(spec.origin).resolve() if spec and spec.origin else None
        marked = file is not None and MARK in file.read_text(encoding="utf-8", errors="replace")
        if marked and file is not None and file.parents[1] == home:
            continue
        elsewhere = file is not None and file.parents[1] != home
        raise UserError(_elsewhere(name, file) if elsewhere else _overwritten(name, home))


def _elsewhere(name: str, file: Path | None) -> str:
    return (
        f"the package {name!r} that Python finds is not ours but {_theirs(name)} ({file}): "
        f"{_uninstall(name)}install {OURS} in a virtual environment without it, or run from "
        "another directory"
    )


def _overwritten(name: str, home: Path) -> str:
    """Two distributions wrote to one directory; uninstalling one takes files of the other too."""
    return (
        f"{home / name / '__init__.py'} is not ours: {_theirs(name)} has taken its place, or took "
        f"it along when it was uninstalled: {_uninstall(name)}then mend ours: pip install "
        f"--force-reinstall --no-deps {OURS}, or keep the two in virtual environments of their own"
    )


def _theirs(name: str) -> str:
    return ", ".join(_owners(name)) or "another distribution"


def _uninstall(name: str) -> str:
    return f"pip uninstall {' '.join(owners)}, " if (owners := _owners(name)) else ""


def _owners(name: str) -> list[str]:
    """Installed distributions that have such a package, besides ours."""
    from importlib.metadata import packages_distributions

    return sorted({d for d in packages_distributions().get(name, []) if d != OURS})
