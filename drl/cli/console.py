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
    """`lr` and lr=0.1 become --lr and --lr 0.1, for the settings that the command line has."""
    if "`" not in text and "=" not in text:
        return text
    text = re.sub(r"`([a-z][a-z_]*)`", lambda m: flag(m[1]) if m[1] in known() else m[0], text)
    return re.sub(
        r"(?<![\w.\-])([a-z][a-z_]*)=(?=[^\s=])",
        lambda m: f"{flag(m[1])} " if m[1] in known() else m[0],
        text,
    )


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
    own = [
        "seeds",
        "out",
        "force",
        "episodes",
        "max_steps",
        "device",
        "run",
        "format",
        "tensorboard",
    ]
    return frozenset({field.name for config in configs for field in fields(config)} | {*own})
