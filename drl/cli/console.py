"""The library's words as the command line says them: parameters are flags here."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache

from drl.display.console import Console


class CommandConsole(Console):
    """A console that names flags."""

    def print(self, text: str) -> None:
        super().print(as_flags(text))

    def warn(self, text: str) -> None:
        super().warn(as_flags(text))


def as_flags(text: str) -> str:
    """`lr`, `lr=0.1` and what is said of a value, lr=nan is not possible: --lr, --lr 0.1, for the
    settings that the command line has.  Names of files are left as they are."""
    if "`" not in text and "=" not in text:
        return text
    return REFUSED.sub(_as_flag, QUOTED.sub(_as_flag, text))


QUOTED = re.compile(r"`(?P<name>[a-z][a-z_]*)(=(?P<value>[^`]*))?`")
REFUSED = re.compile(
    r"(?<![^ ])(?P<name>[a-z][a-z_]*)=(?P<value>[^=:]*?)(?= is not possible: give )"
)


def _as_flag(found: re.Match[str]) -> str:
    if found["name"] not in known():
        return found[0]
    return flag(found["name"]) + ("" if found["value"] is None else f" {found['value']}")


def flag(name: str) -> str:
    """Of a setting."""
    return f"--{name.strip('_').replace('_', '-')}"


@cache
def known() -> frozenset[str]:
    """Names that are flags of some command."""
    from agents.config import ExperimentConfig
    from drl.api.find import find_agent
    from drl.supervised.config import DigitsConfig
    from drl.tables import AGENTS

    configs = [ExperimentConfig, DigitsConfig, *(find_agent(name).config for name in AGENTS)]
    own = {"seeds", "out", "force", "episodes", "max_steps", "device", "run", "format"}
    own |= {"tensorboard", "init_from", "env", "env_kwargs", "sample", "policy"}
    return frozenset({field.name for config in configs for field in fields(config)} | own)
